"""What can go wrong with a whole batch, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.batches.ledger import Batch
from evaluator.batches.service import Complaint, FarBatch
from evaluator.call_faults import is_rate_limit
from evaluator.judge import Judge
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.errors import CutOff, Malformed, too_much_in, translated
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line

_NO_BATCHES = (404, 405, 501)
_UNSURE = (408, 409)
_FULL = "token_limit_exceeded"
_FULL_WORDS = "enqueued"
_SHOWN = 3  # complaints
_LONGEST_QUOTE = 200


class QueueFull(EndpointError):
    """No room in the other side's queue: what waits there already must be done first."""


class BatchRefused(EndpointError):
    """Nothing of it was done, and as it is it never will be."""


class BatchGone(EndpointError):
    """The other side knows no batch of that name, under this key at least."""


class BatchCancelled(KullmError):
    pass


def has_no_batches(failure: Exception) -> bool:
    import openai

    return isinstance(failure, openai.APIStatusError) and failure.status_code in _NO_BATCHES


def is_unsure(failure: Exception) -> bool:
    """Nobody can tell from here whether the request was done, or another try may do."""
    import openai

    if isinstance(failure, openai.APIStatusError):
        return failure.status_code in _UNSURE or failure.status_code >= 500
    return not too_much_in(failure) and isinstance(failure, openai.APIConnectionError | CutOff | Malformed)


def is_full(failure: Exception) -> bool:
    """The limit on what may be enqueued, where it is told at once."""
    return is_rate_limit(failure)


def as_batch_error(failure: Exception, endpoint: Endpoint, model: str) -> KullmError:
    if has_no_batches(failure):
        return no_batches(endpoint)
    if is_full(failure):
        return queue_full(endpoint, str(translated(failure, endpoint, model, begun=False)))
    return translated(failure, endpoint, model, begun=False)


def no_batches(endpoint: Endpoint) -> EndpointError:
    return EndpointError(
        say(
            f"{endpoint.name}: 배치(/v1/batches)를 받지 않는 곳이에요. 배치 없이(--batch 없이) 다시 하면 하나씩 물어요.",
            f"{endpoint.name} takes no batches (/v1/batches). Without batches (without --batch) the judge is asked call by call.",
        )
    )


def queue_full(endpoint: Endpoint, words: str) -> QueueFull:
    return QueueFull(
        say(
            f"{endpoint.name}: 배치 대기열의 한도가 차 있어요. 맡겨 둔 것이 끝난 뒤에 같은 명령을 다시 하면 이어져요. ({_quoted(words)})",
            f"{endpoint.name}: the queue of batches is full. Run the same command once what waits there is done, and it goes "
            f"on. ({_quoted(words)})",
        )
    )


def refusal_of(far: FarBatch, judge: Judge) -> EndpointError:
    """Why a batch failed, from what the other side complains of."""
    words = _told(far.complaints) or say("이유를 알려 주지 않았어요", "it does not say why")
    if any(one.code == _FULL or _FULL_WORDS in one.message.lower() for one in far.complaints):
        return queue_full(judge.endpoint, words)
    return BatchRefused(
        say(
            f"{judge.endpoint.name}: {judge.model} 배치를 받아 주지 않았어요: {words}. 모델이 배치를 지원하는지 확인하세요. "
            "--batch 없이 다시 하면 하나씩 물어요.",
            f"{judge.endpoint.name} refused the batch for {judge.model}: {words}. Check that the model takes batches; without "
            "--batch the judge is asked call by call.",
        )
    )


def gone(batch: Batch) -> BatchGone:
    return BatchGone(
        say(
            f"배치 {batch.batch}: {batch.judge.endpoint.name}에 없어요. 맡길 때 쓴 키(프로젝트)가 아닐 수 있어요. 그 키로 다시 하세요. "
            "정말 없어졌으면 `kullm eval batches --cancel`로 그만두면 다시 맡길 수 있어요.",
            f"{batch.judge.endpoint.name} has no batch {batch.batch}. The key may be another project's than when it was handed "
            "in: use that one again. If it is really gone, `kullm eval batches --cancel` gives it up, so that it can be "
            "handed in anew.",
        )
    )


def cancelled(batch: Batch) -> BatchCancelled:
    return BatchCancelled(
        say(
            f"배치 {batch.batch}: 취소되었어요. 끝난 채점은 받아 두었고, 같은 명령을 다시 하면 나머지를 다시 맡겨요.",
            f"The batch {batch.batch} was cancelled. What was done of it is kept; the same command hands in the rest anew.",
        )
    )


def being_handed_in(batch: Batch) -> KullmError:
    return KullmError(
        say(
            f"배치 {batch.name}: 다른 kullm이 지금 맡기고 있어요. 잠시 뒤에 다시 해 보세요.",
            f"Another kullm is handing in the batch {batch.name} just now. Try again in a while.",
        )
    )


def was_cancelled() -> str:
    return say("배치가 취소되어 채점하지 않았어요.", "its batch was cancelled before it was judged.")


def results_gone() -> str:
    return say(
        "배치의 결과 파일이 없어졌어요(비용은 들었을 수 있어요).",
        "the batch's file of results is gone (it may have been paid for).",
    )


def without_result() -> str:
    return say(
        "배치가 끝났는데 읽을 수 있는 결과가 없어요(비용은 들었을 수 있어요).",
        "the batch is over and holds no result for it that can be read (it may have been paid for).",
    )


def expired_again(times: int) -> str:
    return say(
        f"배치가 {times}번 기한 안에 끝나지 않았어요.",
        f"{times} batches ended before they came to it.",
    )


def _told(complaints: Sequence[Complaint]) -> str:
    lines = []
    for one in complaints[:_SHOWN]:
        place = say(f"{one.line}행: ", f"line {one.line}: ") if one.line else ""
        lines.append(f"{place}{_quoted(one.message or one.code)}")
    more = len(complaints) - _SHOWN
    return "; ".join(lines) + (say(f" 외 {more}개", f" and {more} more") if more > 0 else "")


def _quoted(text: str) -> str:
    line = safe_line(text).rstrip(". ")
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"
