"""The look of all figures: the palette of the dashboard, light and dark, Latin and Arabic titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import plotly.graph_objects as go

PRIMARY: Final = "#0f766e"
SUCCESS: Final = "#16a34a"
WARNING: Final = "#f59e0b"
DANGER: Final = "#ef4444"
INFO: Final = "#3b82f6"
MUTED: Final = "#738299"
PALETTE: Final = (PRIMARY, INFO, WARNING, SUCCESS, DANGER, "#8b5cf6", MUTED)
SCALE: Final = ((0.0, "#f0fdfa"), (0.35, "#5eead4"), (0.7, PRIMARY), (1.0, "#134e4a"))
SCALE_DARK: Final = ((0.0, "#0f172a"), (0.35, "#134e4a"), (0.7, PRIMARY), (1.0, "#5eead4"))
FONT: Final = "Cairo, 'Noto Sans Arabic', 'Segoe UI', system-ui, sans-serif"

Language = Literal["en", "ar"]
Theme = Literal["light", "dark"]
_INK = {"light": "#0f172a", "dark": "#e2e8f0"}
_GRID = {"light": "#e2e8f0", "dark": "#334155"}

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "traffic": ("Messages over time", "الرسائل عبر الزمن"),
    "received": ("Received", "واردة"),
    "sent": ("Sent", "مرسلة"),
    "messages": ("Messages", "عدد الرسائل"),
    "time": ("Time", "الوقت"),
    "languages": ("Languages of the messages", "لغات الرسائل"),
    "ar": ("Arabic", "العربية"),
    "en": ("English", "الإنجليزية"),
    "arabizi": ("Arabizi", "عربيزي"),
    "other": ("Other", "أخرى"),
    "top_rules": ("Rules that answer most", "القواعد الأكثر ردًا"),
    "answers": ("Answers", "عدد الردود"),
    "mean confidence": ("mean confidence", "متوسط الثقة"),
    "heat_map": ("When people write", "متى يكتب الناس"),
    "hour": ("Hour of the day", "ساعة اليوم"),
    "weekday": ("Weekday", "يوم الأسبوع"),
    "confidences": ("Confidence of the decisions", "ثقة القرارات"),
    "confidence": ("Confidence", "الثقة"),
    "decisions": ("Decisions by kind", "القرارات حسب النوع"),
    "decision count": ("Decisions", "عدد القرارات"),
    "threshold": ("threshold", "العتبة"),
    "answer": ("Answered", "أُجيبت"),
    "clarify": ("Asked back", "سؤال توضيح"),
    "handoff": ("Handed over", "حُوّلت لموظف"),
    "silent": ("Silent", "بلا رد"),
    "opt_out": ("Opted out", "إلغاء اشتراك"),
    "opt_in": ("Opted in", "اشتراك"),
    "campaign_funnel": ("From sent to replied", "من الإرسال إلى الرد"),
    "campaign_speed": ("Speed of sending", "سرعة الإرسال"),
    "campaign_variants": ("Replies by variant, 95 % interval", "الردود حسب النسخة، بثقة 95 بالمئة"),
    "campaign_hours": ("When people read and reply", "متى يقرأ الناس ويردون"),
    "campaign_failures": ("Why some did not get it", "لماذا لم تصل إلى بعضهم"),
    "variant": ("Variant", "النسخة"),
    "time_utc": ("Time (UTC)", "الوقت (UTC)"),
    "recipients": ("Recipients", "المستلمون"),
    "delivered": ("Delivered", "وصلت"),
    "read": ("Read", "قُرئت"),
    "replied": ("Replied", "ردّوا"),
    "per second": ("Messages per second", "رسالة في الثانية"),
    "reply rate": ("Reply rate, %", "نسبة الرد بالمئة"),
    "threshold_sweep": ("What each threshold earns and costs", "ما تكسبه كل عتبة وما تكلفه"),
    "right_replies": ("Answered rightly", "ردود صحيحة"),
    "wrong_replies": ("Answered wrongly", "ردود خاطئة"),
    "threshold_axis": ("Threshold (confidence, 0 to 1)", "العتبة (الثقة، من 0 إلى 1)"),
    "share_of_messages": ("Share of all messages, %", "النسبة من كل الرسائل، %"),
    "risk_coverage": ("Risk and coverage", "المخاطرة والتغطية"),
    "answered_share": ("Messages answered (coverage), %", "الرسائل المُجابة (التغطية)، %"),
    "wrong_among_replies": ("Wrong among the replies (risk), %", "الخطأ بين الردود (المخاطرة)، %"),
    "reliability": ("Is the confidence true?", "هل الثقة صادقة؟"),
    "perfect": ("Perfect", "مثالي"),
    "measured": ("Measured", "مقيس"),
    "stated_confidence": ("Stated confidence, %", "الثقة المعلنة، %"),
    "share_right": ("Share right, %", "نسبة الصواب، %"),
    "confusion_map": ("Rules taken for each other", "قواعد يلتبس بعضها ببعض"),
    "no_rule": ("(no rule)", "(بلا قاعدة)"),
    "chosen_rule": ("Chosen rule", "القاعدة المختارة"),
    "right_rule": ("Right rule", "القاعدة الصحيحة"),
    "accuracy_by_language": ("Accuracy by language", "الدقة بحسب اللغة"),
    "accuracy_axis": ("Best rule is the right one, %", "أفضل قاعدة هي الصحيحة، %"),
    "answer_rate": ("Answer rate over time", "نسبة الرد عبر الزمن"),
    "share answered": ("Share answered, %", "نسبة ما أُجيب، %"),
    "attempts_by_hour": ("Delivery attempts per hour", "محاولات التسليم في الساعة"),
    "attempts_by_event": ("Delivery attempts by event", "محاولات التسليم حسب الحدث"),
    "attempts": ("Attempts", "عدد المحاولات"),
    "success": ("Succeeded", "نجحت"),
    "failed": ("Failed", "فشلت"),
    "metric_lines": ("Metrics over time", "المقاييس عبر الزمن"),
    "value": ("Value", "القيمة"),
    "ws_clients": ("Connections", "الاتصالات"),
    "ws_rates": ("Deliveries and events", "التسليمات والأحداث"),
    "ws_bytes": ("Bytes over the network", "البايتات عبر الشبكة"),
    "ws_losses": ("Dropped frames and closed connections", "الإطارات المسقطة والاتصالات المغلقة"),
    "ws_buffer": ("Bytes waiting for clients", "بايتات تنتظر العملاء"),
    "ws_lag": ("Heartbeat and event-loop lag, 95th percentile", "زمن النبض وتأخر الحلقة، المئين 95"),
    "ws_security": ("Refused for security", "ما رُفض لأسباب أمنية"),
    "engine_memory": ("Memory of the server", "ذاكرة الخادم"),
    "engine_cpu": ("Processor use of the server", "استهلاك الخادم للمعالج"),
    "at a time": ("Open at a time", "مفتوحة في الوقت نفسه"),
    "highest": ("Highest", "الأعلى"),
    "mean": ("Mean", "المتوسط"),
    "deliveries": ("Deliveries", "تسليمات"),
    "events": ("Events", "أحداث"),
    "to_clients": ("To clients", "إلى العملاء"),
    "received_frames": ("From clients", "من العملاء"),
    "dropped_frames": ("Dropped", "مسقطة"),
    "closed": ("Closed", "مغلقة"),
    "all_clients": ("All clients", "كل العملاء"),
    "slowest_client": ("Longest backlog", "أطول تراكم"),
    "heartbeat": ("Ping to pong", "من النبضة إلى ردها"),
    "loop": ("Event loop", "حلقة الأحداث"),
    "a second": ("Per second", "في الثانية"),
    "a minute": ("Per minute", "في الدقيقة"),
    "KB a second": ("KB per second", "كيلوبايت في الثانية"),
    "MB": ("MB", "ميغابايت"),
    "ms": ("Milliseconds", "ميلي ثانية"),
    "cores": ("Cores", "أنوية"),
    "refused": ("Refused", "مرفوضة"),
    "refused_unauthorized": ("Wrong key", "مفتاح خاطئ"),
    "refused_rate": ("Too fast", "تجاوز المعدل"),
    "refused_origin": ("Origin", "مصدر غير مسموح"),
    "refused_expired": ("Expired", "منتهية الصلاحية"),
    "refused_signature": ("Signature", "توقيع خاطئ"),
    "refused_oversized": ("Too big", "حجم زائد"),
    "refused_address": ("Address", "عنوان غير مسموح"),
    "refused_malformed": ("Malformed", "مشوّهة"),
    "refused_throttled": ("Many wrong keys", "مفاتيح خاطئة كثيرة"),
    "refused_names": ("Topic names", "أسماء المواضيع"),
    "refused_full": ("No room", "لا متسع"),
    "suggestions": ("What customers ask and the bot cannot answer", "ما يسأل عنه العملاء ولا يجيبه البوت"),
    "customers": ("Customers", "العملاء"),
    "points": ("points expected", "نقطة متوقعة"),
    "empty": ("Nothing here yet", "لا بيانات بعد"),
    "1": ("Mon", "الإثنين"),
    "2": ("Tue", "الثلاثاء"),
    "3": ("Wed", "الأربعاء"),
    "4": ("Thu", "الخميس"),
    "5": ("Fri", "الجمعة"),
    "6": ("Sat", "السبت"),
    "7": ("Sun", "الأحد"),
}


def word(key: str, language: Language) -> str:
    """The wording of a key; unknown keys (rule ids) stand for themselves."""
    pair = _WORDS.get(key)
    return key if pair is None else pair[0 if language == "en" else 1]


def drawn(
    traces: Sequence[Mapping[str, Any]],
    title: str,
    *,
    language: Language,
    theme: Theme,
    height: int = 360,
    layout: Mapping[str, Any] | None = None,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
) -> go.Figure:
    """A figure with title, fonts, colours and grid, made in one piece: bit by bit it would take ten times as long.

    Args:
        traces: As Plotly's JSON has them.
        title: Key of the title's wording.
        language: Of the wording; Arabic is on the right.
        theme: Light or dark.
        height: Pixels.
        layout: Further settings.
        xaxis: Of the lying axis; ``title`` is the key of its wording.
        yaxis: Of the upright axis, likewise.
    """
    axes = {"xaxis": _axis(theme) | dict(xaxis or {}), "yaxis": _axis(theme) | dict(yaxis or {})}
    for axis in axes.values():
        if isinstance(axis["title"], str):
            axis["title"] = {"text": word(axis["title"], language), "standoff": 8}
    look = _look(title, language, theme, height, legend=len(traces) > 1)
    return go.Figure({"data": list(traces), "layout": {**look, **(layout or {}), **axes}})


def styled(figure: go.Figure, title: str, *, language: Language, theme: Theme, height: int = 360) -> go.Figure:
    """Give a figure what :func:`drawn` gives one."""
    named = len(figure.data) > 1 and figure.layout.showlegend is not False
    figure.update_layout(_look(title, language, theme, height, legend=named))
    figure.update_xaxes(**_axis(theme))
    figure.update_yaxes(**_axis(theme))
    return figure


def _look(title: str, language: Language, theme: Theme, height: int, *, legend: bool) -> dict[str, Any]:
    """The layout of all figures; a legend has a line of its own."""
    arabic = language == "ar"
    side = {"x": 1.0 if arabic else 0.0, "xanchor": "right" if arabic else "left"}
    return {
        "title": {
            "text": word(title, language),
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 14, "l": 8, "r": 8},
            **side,
        },
        "font": {"family": FONT, "color": _INK[theme], "size": 13},
        "colorway": list(PALETTE),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 76 if legend else 56, "b": 8},
        "height": height,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", **side},
        "hoverlabel": {"font": {"family": FONT}},
        "bargap": 0.25,
        "template": None,
    }


def _axis(theme: Theme) -> dict[str, Any]:
    grid = _GRID[theme]
    return {"gridcolor": grid, "linecolor": grid, "zeroline": False, "automargin": True, "title": {"standoff": 8}}


def empty(title: str, *, language: Language, theme: Theme) -> go.Figure:
    """A figure that says that there is nothing to show."""
    figure = styled(go.Figure(), title, language=language, theme=theme)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=word("empty", language), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper", font={"color": MUTED}
    )
    return figure
