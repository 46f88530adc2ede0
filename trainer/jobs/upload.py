"""Trees brought to a machine: what is there is not sent, what was cut off goes on, and what has come is verified there."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.client import Client, JobRefused
from trainer.jobs.payload import Tree, all_files, has_changed
from trainer.jobs.transports.ssh_faults import is_lost_connection

_PAUSES = (1.0, 3.0, 10.0)  # seconds between tries; a connection that is dead takes longer to be known as that
_Answer = TypeVar("_Answer")


def missing_bytes(client: Client, trees: Sequence[Tree]) -> int:
    """How much would be sent now."""
    files = all_files(trees)
    come = client.missing(files)
    sizes = {file["sha256"]: file["size"] for file in files}
    return sum(max(0, sizes[digest] - there) for digest, there in come.items())


def bring(client: Client, tree: Tree, told: Callable[[int], None]) -> str:
    """Its folder there. `told`: bytes of it so far, of this try."""

    def once() -> str:
        client.transport.upload({file.sha256: file.source for file in tree.files}, told)
        return client.accept(tree.digest, [file.facts() for file in tree.files])

    try:
        return persistently(once)
    except JobRefused as refused:
        if refused.kind != "damaged":
            raise
        _require_unchanged(tree)
        return persistently(once)


def persistently(step: Callable[[], _Answer]) -> _Answer:
    """Again where the connection was lost in between; the step is one that may be done twice."""
    for pause in _PAUSES:
        try:
            return step()
        except KullmError as error:
            if not is_lost_connection(error):
                raise
        time.sleep(pause)
    return step()


def _require_unchanged(tree: Tree) -> None:
    for file in tree.files:
        if has_changed(file):
            raise KullmError(
                say(
                    f"올리는 동안 {file.source} 파일이 바뀌었어요. 바뀐 내용으로 새로 시작하세요.",
                    f"{file.source} was changed meanwhile. Start anew with what it is now.",
                )
            )
