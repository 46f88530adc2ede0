"""Which of the two interface languages a sentence is said in.

Every sentence for a person is written once, in both languages, where it is used: `say("한국어", "English")`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_KOREAN = "ko"
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Within, sentences are said in this language: the engine answers each client in the client's own."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def interface_language() -> str:
    """`ko` or `en`: KULLM_LANG first, then the locale variables in the order POSIX gives them."""
    chosen = _spoken.get()
    if chosen:
        return _KOREAN if chosen.lower().startswith(_KOREAN) else "en"
    for variable in ("KULLM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return _KOREAN if value.lower().startswith(_KOREAN) else "en"
    return "en"


def say(korean: str, english: str) -> str:
    """The sentence in the interface's language."""
    return korean if interface_language() == _KOREAN else english
