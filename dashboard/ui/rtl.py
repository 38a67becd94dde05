"""Right-to-left: every paragraph by its first strong letter, and the whole page when the language is Arabic.

Streamlit has no such setting. The selectors lean on test ids, which are not a stable interface: tests/ui checks them.
"""

from __future__ import annotations

from typing import Final

PARAGRAPHS: Final = """
[data-testid="stMarkdownContainer"] :is(p, li, h1, h2, h3, h4),
[data-testid="stHeading"] :is(h1, h2, h3, h4),
[data-testid="stText"], [data-testid="stCaptionContainer"] p, textarea, input {
  unicode-bidi: plaintext; text-align: start !important;
}
"""

PAGE: Final = """
[data-testid="stApp"], [data-testid="stSidebar"], [data-testid="stMain"], [data-testid="stBottom"],
[data-testid="stToolbar"], [data-testid="stPopoverBody"], [role="dialog"], [data-testid="stTooltipContent"] {
  direction: rtl;
}
[data-testid="stMarkdownContainer"], [data-testid="stMetric"], [data-testid="stSidebarNav"] { text-align: right; }
[data-testid="stPlotlyChart"], [data-testid="stDataFrame"], pre, code { direction: ltr; }
/* hours before minutes, and a switch whose knob stays on its track */
[data-testid="stTimeInput"] [role="group"] { direction: ltr; }
[data-testid="stCheckbox"] label { direction: ltr; flex-direction: row-reverse; }
[data-testid="stCheckbox"] [data-testid="stWidgetLabel"] { direction: rtl; }
/* closed, it has no width and stands on the right: what overflows it must not be seen */
[data-testid="stSidebar"] { overflow: clip; }
[data-testid="stExpandSidebarButton"], [data-testid="stSidebarCollapseButton"] { transform: scaleX(-1); }
[data-testid="stToolbar"] { padding-inline: 16px 0; }
/* a switch slides to the right whatever the page's direction is */
[data-testid="stCheckbox"] label > div:not([data-testid]) { direction: ltr; }
[data-testid="stMetric"] > div, [data-testid="stWidgetLabel"] { text-align: right; }
/* a row of choices is round at its ends, whichever side the first one is on */
[data-testid="stButtonGroup"] [data-variant="segmented_control"] {
  border-radius: 0 !important; border-width: 1px !important; margin-inline: 0 -1px !important;
}
[data-testid="stButtonGroup"] [data-variant="segmented_control"]:first-child {
  border-start-start-radius: 12px !important; border-end-start-radius: 12px !important;
}
[data-testid="stButtonGroup"] [data-variant="segmented_control"]:last-child {
  border-start-end-radius: 12px !important; border-end-end-radius: 12px !important; margin-inline: 0 !important;
}
"""


def css(*, page: bool) -> str:
    """The style sheet; with ``page`` the whole page is turned round."""
    return PARAGRAPHS + (PAGE if page else "")
