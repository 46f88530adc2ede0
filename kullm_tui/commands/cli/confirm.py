"""A question that only a person at a terminal can answer with yes."""

import sys
from pathlib import Path

from kullm_tui.commands.cli.progress import clear_line
from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import is_there
from kullm_tui.core.language import say

_YES = ("y", "yes", "예", "네", "ㅛ")  # ㅛ: the y key while a Korean keyboard is on


def can_ask() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def confirmed(question: str) -> bool:
    clear_line()
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES


def require_room(file: Path, *, force: bool) -> None:
    """A file that is there may be the only copy of something."""
    if force or not is_there(file) or file.is_fifo() or file.is_char_device():
        return
    replaced = say(f"{file} 파일이 이미 있어요. 덮어쓸까요?", f"{file} is there already. Replace it?")
    if not can_ask() or not confirmed(replaced):
        raise UsageError(
            say(
                f"{file} 파일이 이미 있어요. 덮어쓰려면 --force를 붙이세요.",
                f"{file} is there already; --force replaces it.",
            )
        )
