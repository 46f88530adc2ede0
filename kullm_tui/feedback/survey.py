"""Everything that was said, each with what became of it: what is learnt of it, on which side of the split, or why nothing is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from data.never import Never
from kullm_tui.core.store.store import Store
from kullm_tui.feedback.gather import Feedback, gather_all
from kullm_tui.feedback.lessons import LeftOut, Lesson, Lessons, lessons


@dataclass(frozen=True)
class Entry:
    feedback: Feedback
    lessons: tuple[Lesson, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def asked(self) -> str:
        """The question, as it was asked last."""
        return self.feedback.question[-1].content if self.feedback.question else ""

    @property
    def is_held_out(self) -> bool:
        return any(one.held_out for one in self.lessons)

    @property
    def is_personal(self) -> bool:
        return any(one.personal for one in self.lessons)


@dataclass(frozen=True)
class Survey:
    entries: tuple[Entry, ...]  # the newest first
    lessons: Lessons

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(model for entry in self.entries for model in entry.feedback.models))


def survey(store: Store) -> Survey:
    said = gather_all(store)
    found = lessons(said, Never(store.never_texts()))
    return Survey(_entries(said, found), found)


def _entries(said: Sequence[Feedback], found: Lessons) -> tuple[Entry, ...]:
    of, left = defaultdict[int, list[Lesson]](list), defaultdict[int, list[LeftOut]](list)
    for lesson in found.every:
        of[id(lesson.of)].append(lesson)
    for one in found.left_out:
        left[id(one.feedback)].append(one)
    return tuple(Entry(one, tuple(of[id(one)]), tuple(left[id(one)])) for one in said)
