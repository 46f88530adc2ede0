"""Text as it enters and leaves: NFC on the way in, nothing a terminal would obey on the way out.

What enters is made stream-safe first (UAX #15, section 13): ordering the marks over one letter takes time quadratic in their number,
so that a letter with a hundred thousand of them would hold up everybody.
"""

import json
import re
import unicodedata
from functools import cache
from typing import Any

# What a terminal acts on: CSI, OSC/DCS/SOS/PM/APC with their terminators, other escapes, C0 but tab and newline, DEL, C1.
_CONTROL = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI … final
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x1b\x07\x80-\x9f]*(?:\x07|\x1b\\\\|\x9c)"  # OSC, DCS, SOS, PM, APC … terminator
    "|\x1b[ -/]*[0-~]?"  # any other escape
    "|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
)
# Characters that reorder or hide what stands around them.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
# An escape sequence that has begun and not ended, at the end of what has arrived so far.
_OPEN_ESCAPE = re.compile(
    "(?:\x1b|\x1b\\[[0-?]*[ -/]*|\x9b[0-?]*[ -/]*|\x1b[ -/]+|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x1b\x07\x80-\x9f]*\x1b?)\\Z"
)
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
_LONGEST_ESCAPE = 4096
_MOST_MARKS = 30
_LAST_MARKS = 0x20000  # Unicode has none beyond these planes
_GRAPHEME_JOINER = "\u034f"
# More characters in a row than may be marks, none of them from the blocks of ordinary writing, which hold no marks.
_MAYBE_MARKS = re.compile(
    "[^\x00-\u02ff\u0370-\u0482\u1100-\u11ff\u2000-\u20cf\u2100-\u2c7f\u3000-\u3029\u3030-\u3098\u309b-\ua66e"
    f"\uac00-\ud7a3\ud7b0-\ufb1d\ufe30-\uffff]{{{_MOST_MARKS + 1}}}"
)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", _stream_safe(text))


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", _stream_safe(text))


def _stream_safe(text: str) -> str:
    if len(text) <= _MOST_MARKS or not _MAYBE_MARKS.search(text):
        return text
    return _too_many_marks().sub(rf"\1{_GRAPHEME_JOINER}", text)


@cache
def _too_many_marks() -> re.Pattern[str]:
    """As many marks as may stand together, before another one."""
    marks = "".join(mark for mark in map(chr, range(_LAST_MARKS)) if _is_mark(mark))
    return re.compile(f"([{marks}]{{{_MOST_MARKS}}})(?=[{marks}])")


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0 or character in "\u0f73\u0f75\u0f81"  # marks made of marks


def is_whole(text: str) -> bool:
    """Without halves of broken characters, which no file and no server takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    """Composed, and without what a file of text cannot hold: halves of broken characters and NUL."""
    return nfc(text).encode("utf-8", errors="replace").decode().replace("\0", "")


def terminal_safe(text: str) -> str:
    """The text without anything a terminal would obey; carriage returns become newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BIDI.sub("", _CONTROL.sub("", text)).replace("\x1b", "")


def safe_line(text: str) -> str:
    """Text from outside, on one line as a terminal may show it: for names, titles, lists."""
    return " ".join(terminal_safe(nfc(text)).split())


def terminal_safe_json(value: Any) -> str:
    """One line of JSON that means exactly the value; what a terminal would obey is written as \\u escapes."""
    line = json.dumps(value, ensure_ascii=False)
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def size_text(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


class TerminalSafeStream:
    """`terminal_safe` for text that arrives in pieces: a sequence cut in two is still recognised."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        open_escape = _OPEN_ESCAPE.search(text)
        cut = open_escape.start() if open_escape else len(text)
        if text.endswith("\r"):
            cut = min(cut, len(text) - 1)
        if len(text) - cut > _LONGEST_ESCAPE:
            cut = len(text)
        self._held = text[cut:]
        return terminal_safe(text[:cut])

    def close(self) -> str:
        held, self._held = self._held, ""
        return terminal_safe(held)
