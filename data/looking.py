"""A set that was built, looked at: its rows beside what they were translated from, and what every step rejected, with the reason."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, overload

from data.builder.stage import Stage
from data.builder.workshop import Workshop
from data.lines import told_in
from data.row import Rejection, Row
from data.shelf import BuiltFacts, OutputFacts, StepFacts
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message, read_record


@dataclass(frozen=True)
class Rejected:
    step: StepFacts
    rejection: Rejection


def rejected(
    facts: BuiltFacts, workshop: Workshop, *, step: str = "", reason: str = "", source: str = ""
) -> Iterator[Rejected]:
    """In the order of the steps; of one step, reason or source alone where they are named."""
    for one in facts.steps:
        if (step and one.step != step) or (source and one.source not in (source, "")) or not one.counts.lost:
            continue
        if reason and reason not in one.counts.rejected:
            continue
        for rejection in _whole(workshop.of_key(one.stage)).rejections():
            if (not reason or rejection.reason == reason) and (not source or rejection.row.source == source):
                yield Rejected(one, rejection)


def _whole(stage: Stage) -> Stage:
    if stage.done is None:
        raise UsageError(
            say(
                "단계의 결과가 캐시에서 지워졌어요. 다시 만들면(`kullm data build`) 볼 수 있어요.",
                "the results of the steps are gone from the cache. They are there again after `kullm data build`.",
            )
        )
    return stage


class Lines(Sequence[bytes]):
    """Of a file, by their places: only where they begin is held."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("rb")
        starts, at = array("Q"), 0
        for line in self._file:
            starts.append(at)
            at += len(line)
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        self._file.seek(self._starts[place])
        return self._file.readline()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Finished:
    """The rows of one output; opened in a thread, since its lines are counted."""

    output: OutputFacts

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.output.lines)

    @cached_property
    def _origins(self) -> Lines:
        return Lines(self.output.origins)

    def open(self) -> "Finished":
        assert len(self._lines) == len(self._origins)
        return self

    def __len__(self) -> int:
        return len(self._lines)

    def row(self, place: int) -> Row:
        record, origin = told_in(self._lines[place]), told_in(self._origins[place])
        original = tuple(Message(**one) for one in origin["original"])
        messages = tuple(read_record(record).messages)
        return Row(record["id"], record["source"], origin["place"], messages, original)

    def close(self) -> None:
        self._lines.close()
        self._origins.close()
