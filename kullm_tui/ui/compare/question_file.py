"""Questions of a file, to be gone through one after the other: JSON lines in any form that `kullm eval` reads, or one question a line."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import nfc, terminal_safe


@dataclass(frozen=True)
class QuestionRun:
    name: str
    questions: tuple[Message, ...]
    at: int = 0
    voted: int = 0
    before: frozenset[int] = frozenset()  # voted on in an earlier sitting, by the same contestants

    @property
    def question(self) -> Message:
        return self.questions[self.at]

    @property
    def is_last(self) -> bool:
        return self._next is None

    @property
    def _next(self) -> int | None:
        return next((at for at in range(self.at + 1, len(self.questions)) if at not in self.before), None)

    @property
    def told(self) -> str:
        """`questions 3/20`, and how many of an earlier sitting are passed over."""
        at = f"{self.name} {self.at + 1}/{len(self.questions)}"
        if not self.before:
            return at
        count = len(self.before)
        return say(f"{at} · 투표한 {count}개 건너뜀", f"{at} · {count} voted on before")

    def moved_on(self) -> QuestionRun:
        return self if self._next is None else replace(self, at=self._next)

    def resumed(self, voted: Collection[Message]) -> QuestionRun:
        """From the first one without a vote; where all have one, once more from the beginning."""
        before = frozenset(at for at, question in enumerate(self.questions) if question in voted)
        if len(before) == len(self.questions):
            return self
        first = next(at for at in range(len(self.questions)) if at not in before)
        return replace(self, at=first, voted=len(before), before=before)

    def with_vote(self) -> QuestionRun:
        return replace(self, voted=self.voted + 1)


def read_questions(text: str, name: str) -> QuestionRun:
    """UsageError says what is wrong with the file."""
    lines = [line for line in nfc(terminal_safe(text)).splitlines() if line.strip()]
    if not lines:
        raise UsageError(say(f"{name}: 질문이 없어요.", f"{name} holds no questions."))
    questions = _from_json_lines(text, name) if lines[0].lstrip().startswith("{") else _from_lines(lines)
    return QuestionRun(name, questions)


def _from_lines(lines: list[str]) -> tuple[Message, ...]:
    return tuple(Message("user", line.strip()) for line in lines)


def _from_json_lines(text: str, name: str) -> tuple[Message, ...]:
    # Late: numpy-free, but nobody needs it before a file is opened.
    from evaluator.questions import parse_questions

    found = parse_questions(_with_instructions(text), name)
    opening = (one for one in found.questions if not one.before)  # a later turn means nothing by itself
    return tuple(Message("user", one.instruction.strip(), one.input.strip()) for one in opening)


def _with_instructions(text: str) -> str:
    """A line that says `prompt` or `question` instead of `instruction` is as good; what is no JSON is told by the reader."""
    lines = []
    for line in text.splitlines():
        try:
            row = foreign_json.parsed(line)
        except ValueError:
            row = None
        if isinstance(row, dict) and not {"instruction", "turns", "questions"} & row.keys():
            asked = next((row[word] for word in ("prompt", "question") if isinstance(row.get(word), str)), None)
            line = json.dumps({**row, "instruction": asked}, ensure_ascii=False) if asked else line
        lines.append(line)
    return "\n".join(lines)
