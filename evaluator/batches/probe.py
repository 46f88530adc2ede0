"""Whether a judge's server takes batches at all: asked before anything else is done, and for nothing."""

from evaluator.batches.faults import as_batch_error
from evaluator.batches.service import BatchService
from evaluator.judge import Judge
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch
from kullm_tui.core.endpoints.sdk import open_client

_SECONDS = 15.0


async def refuse_without_batches(judge: Judge) -> None:
    """An EndpointError that says so, and what to do instead."""
    import openai

    try:
        async with open_client(judge.endpoint, quiet_seconds=_SECONDS) as client:
            await BatchService(client, seconds=_SECONDS).any_batches()
    except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
        raise as_batch_error(failure, judge.endpoint, judge.model) from failure
