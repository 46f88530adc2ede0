"""A verdict: what a judge said of one response, and the scores that its words hold, or why they hold none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evaluator.rubric import Criterion, Mode, Rubric
from evaluator.verdict_text import Unscored, read_free_text, read_json
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

Status = Literal["ok", "unparsed", "refused", "error"]

_REFUSAL = re.compile(
    r"\s*(?:I['’]?m sorry|I am sorry|Sorry,|I can(?:no|['’])t|I['’]?m unable|I am unable|As an AI|"
    r"죄송(?:합니다|하지만)|미안하지만|평가할 수 없|도와\s?드릴 수 없)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Item:
    """One response to be judged, and what it answers."""

    id: str
    instruction: str
    input: str
    response: str
    reference: str = ""  # the right answer, for a rubric that shows one

    def __post_init__(self) -> None:
        for name in ("instruction", "input", "response", "reference"):
            object.__setattr__(self, name, nfc(getattr(self, name)))


@dataclass(frozen=True)
class JudgeReply:
    """What came back from a judge, word for word; it was paid for."""

    text: str
    finish_reason: str = "stop"
    refusal: str = ""
    model: str = ""  # as the server names what answered
    fingerprint: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Verdict:
    id: str
    status: Status
    scores: Mapping[str, float] = field(default_factory=dict)  # every criterion, or none
    text: str = ""  # the judge's own words; for an error, the error
    reason: str = ""  # the judge's; else why there are no scores
    model: str = ""
    rubric: str = ""
    cost: float | None = None  # dollars; None: nobody knows its price
    flags: tuple[str, ...] = ()  # of the response, from suspicion.py
    kept: bool = False  # read from the store and not bought anew
    answered_by: str = ""
    fingerprint: str = ""
    criteria: tuple[Criterion, ...] = ()  # the rubric's, for whoever shows the scores
    origin: str = ""  # Judge.origin; empty: not known
    created: float = 0.0  # when it was bought; 0: not known
    repeat: int = 0  # which asking it came of; more than 0: what came before could not be read
    imported: str = ""  # the file that it was brought in from: somebody else bought it
    each: tuple[
        Mapping[str, float], ...
    ] = ()  # where it was asked several times: what could be read; `scores` is the mean
    by_hand: str = ""  # who read the scores in the judge's words, where the reader could not

    @property
    def askings(self) -> tuple[Mapping[str, float], ...]:
        """The scores of each asking that counts; none where there are no scores."""
        return self.each or ((self.scores,) if self.scores else ())


def status_of(
    reply: JudgeReply, rubric: Rubric, mode: Mode, *, response: str
) -> tuple[Status, Mapping[str, float], str]:
    """Status, scores and reason, from the words alone: what is stored can be read again at any time."""
    if reply.refusal or reply.finish_reason == "content_filter":
        return "refused", {}, nfc(reply.refusal) or say("내용 필터에 걸렸어요", "stopped by a content filter")
    if reply.finish_reason == "length":
        return "unparsed", {}, say("채점이 길이 한도에서 잘렸어요", "cut at the length limit")
    # A server that knows nothing of schemas answers in the paper's form all the same.
    reader = read_json if mode == "strict" and "{" in reply.text else read_free_text
    read = reader(reply.text, rubric, response=response)
    if not isinstance(read, Unscored):
        return "ok", read.values, read.reason
    return "refused" if _REFUSAL.match(reply.text) else "unparsed", {}, read.reason
