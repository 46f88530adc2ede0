"""Whether a judge will be gone: OpenAI's list of models says of some when they are shut down, and no score of theirs can be had again."""

from datetime import UTC, date, datetime
from typing import Any

from evaluator.judge import Judge
from kullm_tui.core.endpoints.client import list_model_rows
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

_SECONDS = 5.0  # a list that takes longer is not waited for: nothing depends on it


async def end_note(judge: Judge) -> str:
    """What is to be said of a judge that will be gone; empty where its server tells nothing of that."""
    when = await _shutdown_date(judge)
    return _told(judge, when) if when else ""


async def _shutdown_date(judge: Judge) -> date | None:
    """As the judge's own server tells it; None where it tells nothing."""
    try:
        rows = await list_model_rows(judge.endpoint, quiet_seconds=_SECONDS)
    except KullmError:
        return None
    told = next((row.get("shutdown_date") for row in rows if row.get("id") == judge.model), None)
    return _as_date(told)


def _told(judge: Judge, when: date) -> str:
    return say(
        f"{judge.model} 모델은 {when.isoformat()}에 서비스가 끝나요. 그 뒤에는 같은 채점을 다시 받을 수 없어요. "
        "오래 쓸 점수라면 다른 채점자도 함께 써 두세요.",
        f"{judge.model} is shut down on {when.isoformat()}. After that the same scores cannot be had again; "
        "for scores that shall last, have another judge's too.",
    )


def _as_date(told: Any) -> date | None:
    try:
        if isinstance(told, str):
            return date.fromisoformat(told[:10])
        return datetime.fromtimestamp(told, UTC).date() if type(told) in (int, float) and told > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
