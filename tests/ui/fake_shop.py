"""A small perfume shop with rules, customers and an hour of traffic: what the fake sidecar tells."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from waqtor.contracts.views import ChatView, HistoryView, MessageView

SESSION = "default"
REVISION = "b41f7c02"


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def rule(
    id: str, description: str, ar: list[str], en: list[str], say_ar: str, say_en: str, **more: Any
) -> dict[str, Any]:
    return {
        "id": id,
        "description": description,
        "examples": {"ar": ar, "en": en, "arabizi": more.pop("arabizi", [])},
        "threshold": more.pop("threshold", 0.62),
        "action": more.pop("action", "reply"),
        "replies": {
            "ar": [{"text": say_ar, **more.pop("extra_ar", {})}],
            "en": [{"text": say_en, **more.pop("extra_en", {})}],
        },
        "tags": more.pop("tags", []),
        **more,
    }


RULES = [
    rule(
        "delivery_cost",
        "What delivery costs, free delivery.",
        ["كم سعر التوصيل", "بكم التوصيل لجدة"],
        ["how much is delivery", "is shipping free"],
        "التوصيل 20 ريالًا، ومجاني للطلبات فوق 250 ريالًا",
        "Delivery is SAR 20, and free over SAR 250",
        arabizi=["kam se3r el tawseel"],
        tags=["frequent"],
    ),
    rule(
        "delivery_time",
        "How long delivery takes.",
        ["كم مدة التوصيل", "متى يوصل الطلب"],
        ["how long does delivery take", "when will it arrive"],
        "الرياض وجدة من يوم إلى يومي عمل، وبقية المدن من يومين إلى أربعة.",
        "Riyadh and Jeddah take 1–2 working days, other cities 2–4.",
    ),
    rule(
        "order_track",
        "Where an order is.",
        ["وين طلبي", "أبي أتتبع الشحنة"],
        ["where is my order", "track my order"],
        "أرسل رقم الطلب وسنخبرك أين وصل",
        "Send us the order number and we will tell you where it is",
        arabizi=["wain talabi"],
    ),
    rule(
        "hours",
        "Opening hours of the branches.",
        ["متى تفتحون", "أوقات الدوام"],
        ["when do you open", "opening hours"],
        "من السبت إلى الخميس من 10 صباحًا حتى 11 مساءً، والجمعة من 4 عصرًا.",
        "Saturday to Thursday 10 am – 11 pm, Friday from 4 pm.",
    ),
    rule(
        "branches",
        "Where the branches are.",
        ["وين فروعكم", "أقرب فرع"],
        ["where are your branches", "nearest store"],
        "اختر مدينتك لنرسل لك الموقع:",
        "Choose your city and we will send the location:",
        extra_ar={
            "list_button": "اختر المدينة",
            "sections": [
                {
                    "title": "المدن",
                    "rows": [
                        {"id": "ruh", "title": "الرياض", "description": "العليا · النخيل مول"},
                        {"id": "jed", "title": "جدة", "description": "ردسي مول"},
                        {"id": "dmm", "title": "الدمام", "description": "الظهران مول"},
                    ],
                }
            ],
        },
        extra_en={
            "list_button": "Choose a city",
            "sections": [
                {
                    "title": "Cities",
                    "rows": [
                        {"id": "ruh", "title": "Riyadh", "description": "Olaya · Nakheel Mall"},
                        {"id": "jed", "title": "Jeddah", "description": "Red Sea Mall"},
                        {"id": "dmm", "title": "Dammam", "description": "Dhahran Mall"},
                    ],
                }
            ],
        },
    ),
    rule(
        "return_policy",
        "Returns and exchanges.",
        ["سياسة الإرجاع", "أبي أرجع المنتج"],
        ["return policy", "can I return this"],
        "يمكنك الإرجاع خلال 14 يومًا والعبوة مغلقة. كيف نساعدك؟",
        "You can return it within 14 days, unopened. How can we help?",
        extra_ar={
            "buttons": [
                {"id": "ret", "title": "أبدأ الإرجاع"},
                {"id": "exc", "title": "أستبدل المنتج"},
                {"id": "hum", "title": "أكلم موظف"},
            ]
        },
        extra_en={
            "buttons": [
                {"id": "ret", "title": "Start a return"},
                {"id": "exc", "title": "Exchange it"},
                {"id": "hum", "title": "Talk to someone"},
            ]
        },
    ),
    rule(
        "payment_methods",
        "How customers can pay.",
        ["طرق الدفع", "عندكم مدى"],
        ["how can I pay", "do you take mada"],
        "نقبل مدى وفيزا وApple Pay والدفع عند الاستلام.",
        "We take mada, Visa, Apple Pay and cash on delivery.",
    ),
    rule(
        "human",
        "Customer wants a person.",
        ["أبي أكلم موظف", "حولني لخدمة العملاء"],
        ["talk to a human", "agent please"],
        "لحظات ويكون معك أحد زملائنا",
        "One moment, a colleague will be with you",
        action="handoff",
        threshold=0.55,
    ),
    rule(
        "greeting",
        "Hello.",
        ["السلام عليكم", "مرحبا"],
        ["hello", "good morning"],
        "وعليكم السلام ورحمة الله، كيف نخدمك؟",
        "Hello! How can we help?",
        arabizi=["salam"],
        tags=["smalltalk"],
    ),
]

# Names and texts that try to break a page are part of every test.
HOSTILE = "<img src=x onerror=alert(1)> ![pixel](http://pixel.invalid/p.png) **bold** [link](javascript:alert(1))"
PEOPLE = [
    ("966501234567", "نورة العتيبي"),
    ("966555010203", "Omar Khan"),
    ("966533112244", "أبو فهد"),
    ("966590087711", "Sara Al-Harbi"),
    ("966544778899", "ريم"),
    ("447700900123", "<b>James</b> ![x](http://pixel.invalid/n.png)"),
    ("966507771100", "محمد القحطاني"),
    ("120363041234567890@g.us", "فريق المتجر"),
]


@dataclass
class Shop:
    """Everything that can be asked for; commands change it."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "ready"
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    seed: int = 7
    empty: bool = False
    polite: bool = False  # without the customer who tries to break the page

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        if self.empty:
            return
        script = [
            (0, 41, "in", "السلام عليكم", "received"),
            (0, 41, "out", "وعليكم السلام ورحمة الله، كيف نخدمك؟", "read"),
            (0, 39, "in", "كم سعر التوصيل لجدة؟", "received"),
            (0, 39, "out", "التوصيل 20 ريالًا، ومجاني للطلبات فوق 250 ريالًا", "read"),
            (0, 3, "in", "تمام، والدفع عند الاستلام متوفر؟ طلبي رقم A-10293", "received"),
            (0, 3, "out", "نقبل مدى وفيزا وApple Pay والدفع عند الاستلام.", "delivered"),
            (1, 22, "in", "Hi, where is my order 10294?", "received"),
            (1, 22, "out", "Send us the order number and we will tell you where it is", "read"),
            (1, 20, "in", "10294, ordered on Sunday", "received"),
            (1, 12, "out", "Thank you Omar! It left Riyadh this morning and arrives tomorrow.", "sent"),
            (2, 17, "in", "العطر وصل مكسور وهذي ثالث مرة!! أبي أكلم موظف", "received"),
            (2, 17, "out", "لحظات ويكون معك أحد زملائنا", "delivered"),
            (3, 9, "in", "do you take mada", "received"),
            (3, 9, "out", "We take mada, Visa, Apple Pay and cash on delivery.", "in_doubt"),
            (4, 14, "in", "وش رايك بدهن العود للهدية ولا المسك أحسن؟", "received"),
            (5, 6, "in", HOSTILE, "received"),
            (6, 33, "in", "wain talabi", "received"),
            (6, 33, "out", "أرسل رقم الطلب وسنخبرك أين وصل", "failed"),
            (7, 50, "in", "اجتماع الفريق الساعة ٥", "received"),
        ]
        for person, minutes, direction, body, status in script:
            if self.polite and body == HOSTILE:
                continue
            self.add(*PEOPLE[person], minutes, direction, body, status)
        self.chats["966533112244"].update(bot_paused=True, bot_paused_reason="handed over to a person", unread=1)
        self.chats["966544778899"]["unread"] = 1
        if not self.polite:
            self.chats["447700900123"]["unread"] = 2
        decided = [
            (0, 41, "answer", "greeting", 0.99, "ar", "السلام عليكم", "وعليكم السلام ورحمة الله، كيف نخدمك؟", ""),
            (
                0,
                39,
                "answer",
                "delivery_cost",
                0.94,
                "ar",
                "كم سعر التوصيل لجدة؟",
                "التوصيل 20 ريالًا، ومجاني للطلبات فوق 250 ريالًا",
                "",
            ),
            (6, 33, "answer", "order_track", 0.88, "arabizi", "wain talabi", "أرسل رقم الطلب وسنخبرك أين وصل", ""),
            (
                1,
                22,
                "answer",
                "order_track",
                0.97,
                "en",
                "Hi, where is my order 10294?",
                "Send us the order number and we will tell you where it is",
                "",
            ),
            (
                2,
                17,
                "handoff",
                "human",
                0.91,
                "ar",
                "العطر وصل مكسور وهذي ثالث مرة!! أبي أكلم موظف",
                "لحظات ويكون معك أحد زملائنا",
                "The rule hands over to a person.",
            ),
            (
                4,
                14,
                "silent",
                None,
                0.31,
                "ar",
                "وش رايك بدهن العود للهدية ولا المسك أحسن؟",
                None,
                "0.31 is below the threshold 0.62 of the nearest rule.",
            ),
            (
                3,
                9,
                "answer",
                "payment_methods",
                0.93,
                "en",
                "do you take mada",
                "We take mada, Visa, Apple Pay and cash on delivery.",
                "",
            ),
            (5, 6, "silent", None, 0.08, "other", HOSTILE, None, "Nothing resembles this message."),
            (
                0,
                3,
                "clarify",
                "payment_methods",
                0.66,
                "ar",
                "تمام، والدفع عند الاستلام متوفر؟",
                "هل تقصد: طرق الدفع؟",
                "Two rules are close.",
            ),
        ]
        for n, (person, minutes, decision, rule_id, confidence, language, trigger, response, reason) in enumerate(
            decided
        ):
            view = HistoryView(
                trace_id=f"tr_{n:02d}",
                message_id=f"msg_d{n:02d}",
                session=SESSION,
                chat_id=PEOPLE[person][0],
                created=iso(self.now - timedelta(minutes=minutes)),
                decision=decision,
                rule_id=rule_id,
                confidence=confidence,
                language=language,
                reason=reason,
                revision=REVISION,
                trigger=trigger,
                response=response,
            )
            self.history.insert(0, view.model_dump(mode="json"))
        self.history.sort(key=lambda h: h["created"], reverse=True)

    def add(self, chat_id: str, name: str, minutes: float, direction: str, body: str, status: str) -> dict[str, Any]:
        when = self.now - timedelta(minutes=minutes) + timedelta(milliseconds=len(self.messages) * 90)
        error = (
            {"code": "131026", "reason": "The number is not on WhatsApp.", "retryable": False}
            if status == "failed"
            else None
        )
        message = MessageView(
            message_id=f"msg_{len(self.messages):03d}",
            session=SESSION,
            direction=direction,
            chat_id=chat_id,
            type="text",
            status=status,
            body=body,
            content={"type": "text", "body": body},
            push_name=name if direction == "in" else None,
            timestamp=iso(when),
            updated=iso(when),
            cause=None if direction == "in" else "reply",
            error=error,
            is_group=chat_id.endswith("@g.us"),
        ).model_dump(mode="json")
        self.messages.append(message)
        chat = self.chats.setdefault(
            chat_id,
            ChatView(
                chat_id=chat_id,
                session=SESSION,
                name=name,
                is_group=chat_id.endswith("@g.us"),
                last_timestamp=iso(when),
            ).model_dump(mode="json"),
        )
        chat.update(last_message=body, last_direction=direction, last_timestamp=iso(when))
        return message

    def minutes(self) -> list[tuple[float, str]]:
        """(minutes ago, kind) of a day's traffic: ``message``, ``answer``, ``silent``, ``handoff``."""
        if self.empty:
            return []
        draw = random.Random(self.seed)
        out: list[tuple[float, str]] = []
        for minute in range(24 * 60):
            wave = 3.2 + 1.4 * math.sin(minute / 9) if minute < 60 else 1.7 + 1.3 * math.cos(minute / 230)
            for _ in range(round(max(0.0, draw.gauss(wave, 0.8)))):
                out.append((minute + draw.random(), draw.choices(["answer", "silent", "handoff"], [78, 15, 7])[0]))
        return out
