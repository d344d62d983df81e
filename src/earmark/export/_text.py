"""Text that every format can hold."""

from __future__ import annotations

import re

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Halves of characters come from file names that are no UTF-8; the last two are no characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def writable(text: str) -> str:
    """`text` without what UTF-8 or XML 1.0 can't hold; its lines stay."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """`text` as one line: tabs, breaks and other control characters are blanks."""
    return writable(_BREAKS.sub(" ", text)).strip()
