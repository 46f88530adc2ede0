"""A question that only a person at a terminal can answer with yes."""

import sys

_YES = ("y", "yes", "예", "네", "ㅛ")  # ㅛ: the y key while a Korean keyboard is on


def can_ask() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def confirmed(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES
