"""Which feedback is shown: of one kind, what is left out, what may be personal; of one model; with these words in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.folded import plain
from kullm_tui.core.language import say
from kullm_tui.feedback.gather import KINDS, Kind
from kullm_tui.feedback.survey import Entry
from kullm_tui.feedback.text import kind_text


@dataclass(frozen=True)
class Filter:
    told: str
    takes: Callable[[Entry], bool]


def filters_of(entries: Sequence[Entry]) -> list[Filter]:
    """All first; the others only where there is something of theirs."""
    some = [
        *(Filter(kind_text(kind), _is_of(kind)) for kind in KINDS),
        Filter(say("학습에 쓰지 않는 것", "left out"), lambda entry: bool(entry.left_out)),
        Filter(say("서로 반대되는 것", "contradicting"), _contradicts),
        Filter(say("개인 정보로 보이는 것", "may be personal"), lambda entry: entry.is_personal),
    ]
    return [Filter(say("모두", "all"), lambda _: True), *(one for one in some if any(map(one.takes, entries)))]


def with_words(entries: Sequence[Entry], words: str) -> list[Entry]:
    wanted = plain(words)
    return [entry for entry in entries if wanted in plain(" ".join(_texts(entry)))] if wanted else list(entries)


def _texts(entry: Entry) -> list[str]:
    feedback = entry.feedback
    asked = [text for turn in feedback.question for text in (turn.content, turn.input)]
    return [*asked, feedback.chosen or "", feedback.rejected or ""]


def _is_of(kind: Kind) -> Callable[[Entry], bool]:
    return lambda entry: entry.feedback.kind == kind


def _contradicts(entry: Entry) -> bool:
    return any(one.reason == "conflict" for one in entry.left_out)
