"""A file of tables → items: rows of facts, and for each topic the sentences that ask for a row and tell it.

    [[table]]
    columns = ["동물", "소리"]
    rows = '''
    강아지 | 멍멍
    '''
    [[table.topic]]
    topic = "동물 소리"
    asks = ["{동물}{은/는} 어떻게 우나요?", "무엇? {동물}의 울음소리"]

A cell that is a dash is not known: a question that needs it is left out, and so is the item whose answer needs it.
Names parted by a slash are the same thing's: every one is asked for, the first is told.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from data.demo.item import Item
from data.demo.steps import STEPS
from data.demo.wording import ask_about, fill, slots_in, unique

Cells = Mapping[str, str | None]
Row = Sequence[Cells]  # the row with its first names, then with each of the others

_UNKNOWN = "-"
_CHOICE = re.compile(r"\(([^()]*)\)")
_ABOUT = re.compile(r"(무엇|어디|누구|언제|\{물음\})\? ")  # every wording that asks what this is


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Patterns over a row's cells. Of several for one sentence the first counts whose cells are all known."""

    topic: str
    key: str
    asks: Sequence[str]
    subject: str = ""  # 주어
    value: str = ""  # 답
    polite: str = "{주어}{은/는} {답}입니다."
    context: str | Sequence[str]
    plain: str = "{답}{이다/다}."
    warm: str = "{주어}{은/는} {답}{이에요/예요}!"
    back: str
    accepted: Sequence[str] = ("{답}",)
    rivals: Sequence[str] = ()  # what every other row answers
    no_rivals: Sequence[str] = ()
    wrong: Sequence[str] = ()
    words: Mapping[str, str] = field(default_factory=dict)  # more cells
    swapped: Sequence[str] = ()  # two columns, asked for in either order
    split_whole: bool = False
    carry: str = ""
    given: Sequence[str] = ()


def items_in(text: str) -> Iterator[Item]:
    """Row by row; of each row every topic of its table."""
    file = tomllib.loads(text)
    for table in file["table"]:
        rows = _rows(table)
        topics = [_topic(file, each) for each in table["topic"]]
        rivals = [unique(*_known(topic.rivals, (row[0] for row in rows))) for topic in topics]
        for row in rows:
            for topic, others in zip(topics, rivals, strict=True):
                yield from _item(topic, row, others)


def _rows(table: Mapping[str, Any]) -> list[Row]:
    """One row a line, columns parted by a bar; or a list, one cell a row."""
    written = [[cell.strip() for cell in line.split("|")] for line in table.get("rows", "").split("\n") if line.strip()]
    written += [[cell.strip()] for cell in table.get("list", "").split("|") if cell.strip()]
    made = [*STEPS[table["through"]](written)] if "through" in table else written
    return [_row(table.get("columns", []), cells) for cells in made or [[]]]


def _row(columns: Sequence[str], cells: Sequence[str]) -> Row:
    names = [cell.split("/") for cell in cells]
    return [
        {
            column: None if each == [_UNKNOWN] else each[min(place, len(each) - 1)]
            for column, each in zip(columns, names, strict=True)
        }
        for place in range(max(map(len, names), default=1))
    ]


def _topic(file: Mapping[str, Any], written: Mapping[str, Any]) -> Topic:
    """`every` stands for each topic of the file; a question that begins with @ stands for a list of questions."""
    topic = {**file.get("every", {}), **written}
    lists = file.get("asks", {})
    topic["asks"] = [ask for each in topic["asks"] for ask in (lists[each[1:]] if each.startswith("@") else [each])]
    return Topic(**topic)


def _item(topic: Topic, row: Row, rivals: Sequence[str]) -> Iterator[Item]:
    cells = _told(topic, row[0])
    told = [topic.key, topic.polite, topic.context, topic.plain, topic.warm, topic.back]
    sentences = [next(_known(pattern, [cells]), None) for pattern in told]
    if None in sentences:
        return
    key, polite, context, plain, warm, back = map(str, sentences)
    given = tuple(_known(topic.given, [cells]))
    own = {*row[0].values(), *topic.no_rivals}
    yield Item(
        topic=topic.topic,
        key=key,
        asks=unique(*_asks(topic, row)),
        polite=polite,
        context=context,
        plain=plain,
        warm=warm,
        back=back,
        accepted=tuple(_known(topic.accepted, [cells])),
        rivals=(*_known(topic.wrong, [cells]), *(each for each in rivals if each not in own)),
        split_whole=topic.split_whole,
        carry=fill(topic.carry, **cells),
        given=(given[0], given[1]) if given else None,
    )


def _asks(topic: Topic, row: Row) -> Iterator[str]:
    variants = [_told(topic, cells) for cells in row]
    if topic.swapped:
        one, other = topic.swapped
        variants += [{**cells, one: cells[other], other: cells[one]} for cells in variants]
    patterns = (pattern for ask in topic.asks for pattern in _spelled_out(ask))
    for word, block in groupby(patterns, _question_word):
        phrases = [pattern.removeprefix(f"{word}? ") for pattern in block]
        texts = [text for cells in variants for text in _known(phrases, [cells])]
        yield from ask_about(*texts, word=fill(word, **variants[0])) if word else texts


def _question_word(pattern: str) -> str:
    found = _ABOUT.match(pattern)
    return found[1] if found else ""


def _spelled_out(pattern: str) -> Iterator[str]:
    """Every sentence that the choices in brackets make."""
    choice = _CHOICE.search(pattern)
    if not choice:
        yield pattern
        return
    for each in choice[1].split("/"):
        yield from _spelled_out(pattern[: choice.start()] + each + pattern[choice.end() :])


def _told(topic: Topic, cells: Cells) -> Cells:
    """The row's cells, and what the topic makes of them."""
    told = dict(cells)
    for name, pattern in (*topic.words.items(), ("주어", topic.subject), ("답", topic.value)):
        told[name] = next(_known(pattern, [told]), None)
    return told


def _known(patterns: str | Sequence[str], rows: Iterable[Cells]) -> Iterator[str]:
    """The patterns filled from each row, without those that need an unknown cell."""
    for cells in rows:
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            if all(cells[name] is not None for name in slots_in(pattern)):
                yield fill(pattern, **cells)
