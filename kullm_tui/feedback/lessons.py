"""What a model can learn of feedback: rows to imitate and pairs to prefer by, split by their question; and what cannot be learnt, with why.

    correction   a row, and a pair over the reply that it corrects
    kept         a row
    vote         a pair: the best over each other
    verdict      a pair, where judges' words are wanted too

Nothing comes in of a reply that is not for training, by whichever way the same words come. A cut reply is on no side of a pair: whoever
reads it would learn where to stop from where it was cut. The newer word counts: an older one that says the opposite is left out, and told.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from data.folded import plain
from data.never import Never
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.gather import Feedback, gather_all
from kullm_tui.feedback.personal import Personal, personal_in
from kullm_tui.feedback.taught import Taught, spaced

HELD_OUT = 0.1  # of the questions: enough to see a difference by, few enough to leave most for training
FEWEST_PAIRS = 30  # below, what is learnt is chance
USUAL_PAIRS = 300  # below, expect little

Part = Literal["", "train", "held-out"]
Reason = Literal[
    "never", "cut", "tie", "bad", "other-prompt", "superseded", "same-text", "empty", "duplicate", "conflict", "verdict"
]


@dataclass(frozen=True)
class Lesson(Taught):
    of: Feedback = field(kw_only=True)
    held_out: bool = field(default=False, kw_only=True)

    @cached_property
    def personal(self) -> tuple[Personal, ...]:
        """What in it may be of a person, and should be seen before it leaves."""
        return personal_in(self.texts)


@dataclass(frozen=True)
class LeftOut:
    feedback: Feedback
    reason: Reason
    against: Feedback | None = None  # the newer word that it is a duplicate of, or that says the opposite


@dataclass(frozen=True)
class Lessons:
    rows: tuple[Lesson, ...]
    pairs: tuple[Lesson, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def every(self) -> tuple[Lesson, ...]:
        return (*self.pairs, *self.rows)

    @property
    def train(self) -> "Lessons":
        return self._part(held_out=False)

    @property
    def held_out(self) -> "Lessons":
        """No question of it is asked in `train`."""
        return self._part(held_out=True)

    @property
    def of_votes(self) -> "Lessons":
        """The pairs that votes on comparisons make, those too that something newer says as well; and what is left out of such votes."""
        left_out = tuple(one for one in self.left_out if _is_vote(one.feedback))
        said_since = {id(one.against) for one in left_out if one.reason == "duplicate"}
        pairs = tuple(one for one in self.pairs if _is_vote(one.of) or id(one.of) in said_since)
        return Lessons((), pairs, left_out)

    @property
    def conflicts(self) -> tuple[LeftOut, ...]:
        return tuple(one for one in self.left_out if one.reason == "conflict")

    @property
    def personal(self) -> tuple[Lesson, ...]:
        return tuple(one for one in self.every if one.personal)

    @property
    def reasons(self) -> Mapping[Reason, int]:
        """How much was left out, by why."""
        found = [one.reason for one in self.left_out]
        return {reason: found.count(reason) for reason in dict.fromkeys(found)}

    def _part(self, *, held_out: bool) -> "Lessons":
        rows, pairs = (tuple(one for one in some if one.held_out is held_out) for some in (self.rows, self.pairs))
        return Lessons(rows, pairs, self.left_out)


def lessons(
    feedback: Iterable[Feedback], never: Never, *, held_out: float = HELD_OUT, verdicts: bool = False
) -> Lessons:
    """`never`: what was marked so, by its words. `held_out`: the share of the questions that is kept for looking at what was learnt."""
    found, left_out = list[Lesson](), list[LeftOut]()
    for one in sorted(feedback, key=lambda one: one.when, reverse=True):
        for made in _made_of(one, never, verdicts=verdicts):
            if isinstance(made, Lesson):
                found.append(made)
            else:
                left_out.append(made)
    agreed, disagreed = _without_doubles(found)
    split = _split(agreed, held_out)
    rows, pairs = (tuple(one for one in split if (one.rejected is None) is is_row) for is_row in (True, False))
    return Lessons(rows, pairs, (*left_out, *disagreed))


def lessons_in(store: Store, *, held_out: float = HELD_OUT, verdicts: bool = False) -> Lessons:
    """Of all that this user said."""
    return lessons(gather_all(store), Never(store.never_texts()), held_out=held_out, verdicts=verdicts)


def _is_vote(one: Feedback) -> bool:
    """A pair that came out of a file is no vote on a comparison."""
    return one.kind == "vote" and one.where.comparison is not None


def _made_of(one: Feedback, never: Never, *, verdicts: bool) -> Iterator[Lesson | LeftOut]:
    if one.kind == "never":
        return
    reason: Reason | Literal[""] = one.flaw or ("verdict" if one.kind == "verdict" and not verdicts else "")
    if one.rejected is not None and never.is_in([one.rejected]):
        reason = "never"  # what stands for such a reply is left out with it
    if reason:
        yield LeftOut(one, reason)
        return
    assert one.chosen is not None, "what prefers nothing has a flaw"
    prompt = (*([Message("system", one.system)] if one.system else ()), *one.question)
    if one.kind in ("correction", "kept"):
        yield _checked(Lesson(prompt, one.chosen, of=one), never)
    if one.rejected_flaw:
        yield LeftOut(one, one.rejected_flaw)
    elif one.rejected is not None:
        yield _checked(Lesson(prompt, one.chosen, one.rejected, of=one), never)


def _checked(lesson: Lesson, never: Never) -> Lesson | LeftOut:
    replies = [lesson.chosen] if lesson.rejected is None else [lesson.chosen, lesson.rejected]
    if not (lesson.prompt and lesson.prompt[-1].role == "user" and all(one.strip() for one in replies)):
        return LeftOut(lesson.of, "empty")
    if never.is_in(lesson.texts):
        return LeftOut(lesson.of, "never")
    if len(replies) == 2 and spaced(replies[0]) == spaced(replies[1]):
        return LeftOut(lesson.of, "same-text")
    return lesson


def _without_doubles(newest_first: Iterable[Lesson]) -> tuple[list[Lesson], list[LeftOut]]:
    """Of what says the same, or the opposite, the newest."""
    agreed, left_out = list[Lesson](), list[LeftOut]()
    seen: dict[tuple[object, ...], Lesson] = {}
    for one in newest_first:
        key = question, chosen, rejected = one.key
        same, opposite = seen.get(key), seen.get((question, "not", chosen, rejected))
        if same or opposite:
            newer = opposite or same
            assert newer
            left_out.append(LeftOut(one.of, "conflict" if opposite else "duplicate", newer.of))
            continue
        agreed.append(one)
        seen[key] = one
        if rejected is not None:
            seen[question, "not", rejected, chosen] = one
            if one.of.kind == "correction":  # what was corrected is not good as it is
                seen[question, "not", rejected, None] = one
    return agreed, left_out


def _split(found: Sequence[Lesson], share: float) -> list[Lesson]:
    """By what was asked last, whatever came before: by its digest, so that a question stays on its side as others come.

    Of two questions or more one at least stands on each side.
    """
    asked = list(map(_asked, found))
    digests = sorted(set(asked))
    held = {one for one in digests if _place(one) < share} - set(digests[-1:])
    if share and len(digests) > 1:
        held.add(digests[0])
    return [replace(one, held_out=digest in held) for one, digest in zip(found, asked, strict=True)]


def _asked(lesson: Lesson) -> str:
    """The same for questions that differ in spaces and signs alone."""
    asked = lesson.prompt[-1]
    return hashlib.sha256("\0".join(map(plain, (asked.content, asked.input))).encode()).hexdigest()


def _place(digest: str) -> float:
    return int(digest[:8], 16) / 2**32


def shortage(pairs: int) -> str:
    """What is to be said of so few; empty where there are enough."""
    if pairs < FEWEST_PAIRS:
        return say(
            f"선호 쌍이 {pairs}개뿐이에요. {FEWEST_PAIRS}개보다 적으면 우연히 맞는 것만 배우기 쉬워요. 답을 더 고치거나 비교에 투표해 주세요.",
            f"Preference pairs so far: {pairs}. Fewer than {FEWEST_PAIRS} teach a model little but noise: correct more replies, or vote on comparisons.",
        )
    if pairs < USUAL_PAIRS:
        return say(
            f"선호 쌍이 {pairs}개예요. {USUAL_PAIRS}개쯤은 되어야 눈에 띄게 달라져요.",
            f"There are {pairs} pairs; a difference shows from about {USUAL_PAIRS} on.",
        )
    return ""
