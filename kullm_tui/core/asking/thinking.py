"""What a model thinks before it answers, told from the answer while both stream: `<think>…</think>` in the text, or a field of its own.

A tag counts where a model puts it: at the start of a line and outside code. A reply whose prompt opened the tag shows only its end; then what has come
is sorted anew, and so it is where a tag that was only spoken of had been taken for one.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

_OPEN, _CLOSE = "<think>", "</think>"
_FENCES = ("```", "~~~")
_QUOTES = "`'\"‘“「"

# What becomes of a model's thinking: folded away from its answer, or kept as a part of it.
ThinkingWish = Literal["", "fold", "keep"]


@dataclass(frozen=True)
class Delta:
    text: str


@dataclass(frozen=True)
class Thought:
    text: str


@dataclass(frozen=True)
class Resorted:
    """In place of all that came before: this was thinking, and this is the answer so far."""

    thinking: str
    text: str


Said = Delta | Thought | Resorted


class Sorting(Protocol):
    """What a server sends, sorted as it comes."""

    def content(self, text: str) -> list[Said]: ...

    def reasoning(self, text: str) -> list[Said]: ...

    def end(self) -> list[Said]: ...


class Folded:
    """Thinking and answer apart."""

    def __init__(self) -> None:
        self._held = ""  # not sorted yet: it may be a part of a tag
        self._line = ""  # of the answer, as far as it has come
        self._fence = ""  # the marks that opened the code that is being written
        self._depth = 0
        self._thinking: list[str] = []
        self._answer: list[str] = []
        self._after_close = 0  # how many pieces of thinking came before the last end tag within thinking
        self._skips_blanks = False  # between the end tag and the answer

    def reasoning(self, text: str) -> list[Said]:
        return self._thought(text)

    def content(self, text: str) -> list[Said]:
        self._held += text
        return self._sort(last=False)

    def end(self) -> list[Said]:
        said = self._sort(last=True)
        if self._depth and self._after_close:
            thinking, answer = (self._thinking[: self._after_close], self._thinking[self._after_close :])
            said.append(Resorted("".join(thinking), "".join(answer).lstrip()))
        return said

    def _sort(self, *, last: bool) -> list[Said]:
        said: list[Said] = []
        while self._held:
            before = self._held
            said += self._think(last) if self._depth else self._answer_on(last)
            if self._held == before:
                break
        return said

    def _think(self, last: bool) -> list[Said]:
        """Up to the next tag, or to what may become one."""
        held = self._held
        found = [(at, tag) for tag in (_OPEN, _CLOSE) if (at := held.find(tag)) >= 0]
        if not found:
            upto = len(held) if last else len(held) - _begun(held)
            self._held = held[upto:]
            return self._thought(held[:upto])
        at, tag = min(found)
        self._held = held[at + len(tag) :]
        if tag == _OPEN:
            before = "".join(self._thinking[-1:]) + held[:at]
            self._depth += not before.endswith(tuple(_QUOTES))
            return self._thought(held[: at + len(tag)])
        self._depth -= 1
        if self._depth:
            said = self._thought(held[: at + len(tag)])
            self._after_close = len(self._thinking)
            return said
        self._skips_blanks = True
        return self._thought(held[:at])

    def _answer_on(self, last: bool) -> list[Said]:
        """A line, or as much of it as has come."""
        if self._skips_blanks:
            self._held = self._held.lstrip()
            self._skips_blanks = not self._held
            return []
        if not self._line.strip() and not self._fence:
            start = self._held.lstrip(" \t")
            if start.startswith(_OPEN):
                self._held, self._depth = start.removeprefix(_OPEN), 1
                return []
            if start.startswith(_CLOSE) and not self._thinking:
                return self._take_back(start.removeprefix(_CLOSE))
            if not last and start and (_OPEN.startswith(start) or _CLOSE.startswith(start)):
                return []
        line, newline, self._held = self._held.partition("\n")
        self._line += line
        if newline:
            self._end_line()
        self._answer.append(line + newline)
        return [Delta(line + newline)]

    def _end_line(self) -> None:
        marks = self._line.strip()
        if self._fence:
            self._fence = "" if marks == self._fence else self._fence
        else:
            self._fence = next((fence for fence in _FENCES if marks.startswith(fence)), "")
        self._line = ""

    def _take_back(self, rest: str) -> list[Said]:
        """The prompt had opened the tag: all that has come was thinking."""
        thinking = "".join(self._answer).strip("\n")
        self._thinking, self._answer, self._held, self._skips_blanks = [thinking], [], rest, True
        return [Resorted(thinking, "")]

    def _thought(self, text: str) -> list[Said]:
        if not "".join(self._thinking[:1]):
            text = text.lstrip("\n")
        if not text:
            return []
        self._thinking.append(text)
        return [Thought(text)]


class Kept:
    """Thinking as a part of the answer, between the tags, whichever way it came."""

    def __init__(self) -> None:
        self._thinks = False

    def reasoning(self, text: str) -> list[Said]:
        before, self._thinks = self._thinks, True
        return [Delta(text if before else f"{_OPEN}\n{text}")] if text else []

    def content(self, text: str) -> list[Said]:
        return [*self.end(), Delta(text)] if text else []

    def end(self) -> list[Said]:
        before, self._thinks = self._thinks, False
        return [Delta(f"\n{_CLOSE}\n\n")] if before else []


def sorting(wish: ThinkingWish) -> Sorting:
    return Kept() if wish == "keep" else Folded()


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of a tag."""
    longest = max(len(_OPEN), len(_CLOSE)) - 1
    return next(
        (
            size
            for size in range(min(longest, len(text)), 0, -1)
            if any(tag.startswith(text[-size:]) for tag in (_OPEN, _CLOSE))
        ),
        0,
    )
