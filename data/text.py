"""What steps and reasons are called, for people: by the verb and on the screen alike."""

from collections.abc import Mapping

from kullm_tui.core.language import say

_STEPS = {
    "read": ("읽기", "read"),
    "clean": ("정리", "clean"),
    "decontaminate": ("오염 제거", "decontaminate"),
    "translate": ("번역", "translate"),
    "patch": ("손질", "by hand"),
    "paper": ("논문 필터", "paper's filters"),
    "strict": ("엄격한 필터", "strict filters"),
    "near-duplicates": ("비슷한 행", "near-duplicates"),
    "write": ("파일 쓰기", "write"),
}


# What a step calls its reasons, for people. A code that is not here stands as it is.
_REASONS = {
    "same-row": ("같은 행", "the same row"),
    "dropped-by-hand": ("직접 뺌", "dropped by hand"),
}


def reason_text(reason: str) -> str:
    return say(*_REASONS[reason]) if reason in _REASONS else reason


def step_text(step: str) -> str:
    return say(*_STEPS[step]) if step in _STEPS else step


def reasons_text(rejected: Mapping[str, int]) -> str:
    """The most frequent first."""
    counted = sorted(rejected.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{reason_text(reason)} {count:,}" for reason, count in counted)
