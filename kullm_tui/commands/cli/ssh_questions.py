"""What ssh wants to know, asked at the terminal: whether a host's key is right, a passphrase, a password, a code."""

import getpass
import sys

from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.jobs.transports.askpass import Asking, Question


def terminal_asking() -> Asking | None:
    """None where nobody is there to answer."""
    return _ask if can_ask() else None


def _ask(question: Question) -> str | None:
    """Runs in a thread: a fault here must not be one of its own."""
    text = terminal_safe(question.text)
    try:
        if question.kind == "touch":
            print(text, file=sys.stderr)
            return ""
        if question.kind == "secret":
            return getpass.getpass(f"\r\x1b[K{text} ")
        prompt = say(
            "처음 연결하는 장비예요. 관리자가 알려 준 지문과 같으면 yes라고 쓰세요.",
            "This machine is new here. If the fingerprint is the one that its administrator gives, type yes.",
        )
        sys.stderr.write(f"\r\x1b[K{text}\n{prompt} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip() or None
    except (EOFError, OSError):
        return None
