"""Which of the two interface languages a sentence is said in.

Every sentence for a person is written once, in both languages, where it is used: `say("한국어", "English")`.
"""

import os

_KOREAN = "ko"


def interface_language() -> str:
    """`ko` or `en`: KULLM_LANG first, then the locale variables in the order POSIX gives them."""
    for variable in ("KULLM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return _KOREAN if value.lower().startswith(_KOREAN) else "en"
    return "en"


def say(korean: str, english: str) -> str:
    """The sentence in the interface's language."""
    return korean if interface_language() == _KOREAN else english
