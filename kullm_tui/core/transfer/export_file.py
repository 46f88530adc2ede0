"""Conversations into a file: the counterpart of `importing`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.store.store import Store
from kullm_tui.core.transfer.jsonl import jsonl
from kullm_tui.core.transfer.markdown import markdown

Form = Literal["jsonl", "markdown"]


def form_of(path: Path) -> Form:
    """Whole trees as JSON lines, unless the name asks for Markdown."""
    return "markdown" if path.suffix.lower() in (".md", ".markdown") else "jsonl"


def exported(store: Store, ids: Sequence[int], form: Form) -> Iterator[str]:
    """These conversations, or, as JSON lines, all of them where none is named. A wrong number is told before the first piece."""
    if form == "markdown" and len(ids) != 1:
        raise UsageError(
            say(
                "마크다운으로는 대화를 하나씩 내보내요. 전부 내보내려면 .jsonl로 해 주세요.",
                "Markdown takes one conversation. All of them go into a .jsonl file.",
            )
        )
    for number in ids:
        store.conversation(number)
    if form == "markdown":
        return (markdown(one) for one in store.portable(ids))
    chosen = list(dict.fromkeys(ids)) or [one.id for one in store.conversations()][::-1]
    return (f"{line}\n" for line in jsonl(store.portable(chosen), len(chosen)))


def export_file(store: Store, ids: Sequence[int], path: Path, form: Form | None = None) -> None:
    publish(path, "".join(exported(store, ids, form or form_of(path))), mode=0o600)
