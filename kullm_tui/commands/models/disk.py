"""`kullm models remove` and `prune`: giving back what models take on the disk, after it was shown and asked for."""

import argparse
import time

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.hub.cache import Leftover
from kullm_tui.core.language import say
from kullm_tui.core.models import disk
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.models.weights_cache import CachedWeights
from kullm_tui.core.text import size_text, terminal_safe


def remove(args: argparse.Namespace) -> int:
    """The user's entry of that name, and what was downloaded for it unless another profile uses it too."""
    ref = resolve(args.name)
    removal = disk.remove_model(ref)
    if removal.forgets:
        Narration().note(say(f"{args.name} 모델을 목록에서 뺐어요.", f"{args.name} was taken off the list."))
    if removal.frees:
        Narration().note(disk.freed_text(removal.frees))
    if not removal.forgets and not removal.frees:
        raise KullmError(disk.nothing_to_remove(ref, removal))
    return 0


def prune(args: argparse.Namespace) -> int:
    """Quantised weights, which the next load makes anew, and files of the hub that nothing leads to any more."""
    found = disk.prunable()
    if not found:
        Narration().note(disk.nothing_to_prune())
        return 0
    total = sum(one.bytes for one in found)
    for line in aligned([_row(one) for one in found], right=[0]):
        print(terminal_safe(line))
    if not args.yes and not _agreed(total):
        Narration().note(say("그대로 두었어요.", "Nothing was removed."))
        return 1
    freed, refused = disk.prune_all(found)
    for error in refused:
        Narration().note(str(error))
    Narration().note(disk.freed_text(sum(freed)))
    return 1 if refused else 0


def _row(entry: CachedWeights | Leftover) -> list[str]:
    return _quantised_row(entry) if isinstance(entry, CachedWeights) else _leftover_row(entry)


def _quantised_row(entry: CachedWeights) -> list[str]:
    day = time.strftime("%Y-%m-%d", time.localtime(entry.last_used))
    what = say(f"양자화한 가중치 {entry.precision}", f"quantised weights {entry.precision}")
    if not entry.complete:
        what = say("만들다 만 양자화 가중치", "unfinished quantised weights")
    return [size_text(entry.bytes), what.strip(), say(f"{day}에 씀", f"used {day}"), entry.model]


def _leftover_row(entry: Leftover) -> list[str]:
    return [size_text(entry.bytes), say("쓰이지 않는 내려받은 파일", "unused downloads"), "", entry.repository]


def _agreed(total: int) -> bool:
    if not can_ask():
        raise UsageError(
            say(
                f"모두 {size_text(total)} 있어요. 지우려면 `kullm models prune --yes`로 하세요.",
                f"{size_text(total)} in all. To remove them: `kullm models prune --yes`.",
            )
        )
    question = say(
        f"모두 {size_text(total)} 있어요. 양자화한 가중치는 다음에 올릴 때 다시 만들어요. 지울까요?",
        f"{size_text(total)} in all; quantised weights are made again at the next load. Remove them?",
    )
    return confirmed(question)
