"""What is told of batches that are under way."""

import time
from collections.abc import Sequence

from evaluator.batches.ledger import Batch
from evaluator.batches.service import FarBatch
from kullm_tui.core.language import say

_HOUR, _MINUTE = 3600, 60


def waiting_words(batches: Sequence[tuple[Batch, FarBatch | None]]) -> str:
    """How many calls wait, how many of them are done there, and since when; empty where nothing waits."""
    if not batches:
        return ""
    calls = sum(batch.calls for batch, _ in batches)
    done = sum(far.done + far.failed for _, far in batches if far)
    since = duration(time.time() - min(batch.created for batch, _ in batches))
    return say(
        f"배치 {len(batches)}개를 기다려요: {done:,}/{calls:,} 끝남, 맡긴 지 {since}",
        f"{len(batches)} batches wait: {done:,}/{calls:,} done, handed in {since} ago",
    )


def duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    if hours:
        return say(f"{hours}시간 {minutes}분", f"{hours} h {minutes} min")
    if minutes:
        return say(f"{minutes}분", f"{minutes} min")
    return say(f"{whole}초", f"{whole} s")


def still_there(batches: Sequence[Batch]) -> str:
    """For whoever leaves: what goes on without them. Empty where nothing does."""
    if not batches:
        return ""
    calls = sum(one.calls for one in batches)
    return say(
        f"맡긴 배치 {len(batches)}개(채점 {calls:,}개)는 그곳에서 계속돼요. 같은 명령을 다시 하면 받고, "
        "`kullm eval batches --cancel`로 그만둬요.",
        f"{len(batches)} batches ({calls:,} verdicts) go on there. The same command takes them; "
        "`kullm eval batches --cancel` gives them up.",
    )
