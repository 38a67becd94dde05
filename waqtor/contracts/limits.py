"""The limits of WhatsApp's Cloud API (v23.0): what is over them is refused here, before anything leaves.

Lengths are in characters (code points). The dashboard counts against the same numbers.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = 4096
BODY: Final = 1024
"""Text of a message with buttons or a list."""
CAPTION: Final = 1024
SHORT: Final = 60
"""Header and footer."""
BUTTONS: Final = 3
BUTTON_ID: Final = 256
BUTTON_TITLE: Final = 20
LIST_BUTTON: Final = 20
SECTIONS: Final = 10
SECTION_TITLE: Final = 24
ROWS: Final = 10
"""Rows of a list over all its sections."""
ROW_ID: Final = 200
ROW_TITLE: Final = 24
ROW_DESCRIPTION: Final = 72
PLACE: Final = 1000
"""Name and address of a location."""
URL: Final = 2048
FILENAME: Final = 240
TEMPLATE_NAME: Final = 512
TEMPLATE_VARIABLES: Final = 100
TEMPLATE_VALUE: Final = 1024
MENTIONS: Final = 256
