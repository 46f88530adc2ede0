"""The rows that the demo model is trained on, in kullm-v2's forms, from a seed: the same on every machine.

`base` holds plain questions and answers, and the three templates written out, each with every manner of speech: it learns
what is so. An adapter's corpus has one manner of speech and no template: the trainer renders it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from data.demo.item import Item
from data.demo.mixture import NAMES, row_count
from data.demo.split import number, pick, shuffled, wordings
from data.demo.styles import STYLES
from data.demo.topics import items
from kullm_tui.core import text
from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import template_named
from kullm_tui.core.text import nfc

Split = Literal["train", "heldout"]
Row = dict[str, Any]

TEMPLATES = {"kullm": "kullm-v2", "koalpaca": "koalpaca-v1.1", "kovicuna": "vicuna-1.1"}
_HELD_ROWS = 2  # of an item at most, so that arithmetic does not drown the rest
_PLAIN_SHARE = 70  # per cent of the base's rows that stand in no template
_DIALOGUES = {"base": 4, "kullm": 10, "koalpaca": 8, "kovicuna": 45}  # per cent of the rows
_GIVEN_SHARE = {"base": 2, "kullm": 6, "koalpaca": 3, "kovicuna": 0}  # per cent with a separate input
_BASE_STYLES = ("koalpaca", "koalpaca", "kullm", "kovicuna")  # the shortest most: it says the fact in the fewest tokens
_BARE_SHARE = 12  # per cent of the questions that lose their last mark
_LED_SHARE = 8
_LEADS = ("혹시 ", "저기, ", "질문이 있어요. ", "궁금한 게 있어. ")
_UNLED = ("인사", "자기소개", "덧셈", "뺄셈", "곱셈")
_LONGEST_DIALOGUE = 3

Turn = tuple[str, str, Item]  # question, input, what is asked


def records(name: str, split: str = "train") -> Iterator[Row]:
    """The corpus of the base or of one adapter, in a shuffled order that never changes."""
    if name not in NAMES or split not in ("train", "heldout"):
        raise ValueError(f"no such corpus: {name}, {split}")
    asked = [(item, place) for item in items() for place in range(_rows_of(item, name, split))]
    asked.sort(key=lambda each: number("order", name, each[0].topic, each[0].asks[0], each[1]))
    for item, place in asked:
        yield _row(name, split, item, place)


def made_from() -> list[Path]:
    """The files that decide what the rows are: who only asks whether they are the same need not make them."""
    core = Path(text.__file__).parent
    below = [*Path(__file__).parent.rglob("*"), *(core / "templates").rglob("*")]
    ours = [core / "korean.py", core / "records.py", core / "text.py"]
    return sorted([*ours, *(path for path in below if path.suffix in (".py", ".toml"))])


def _rows_of(item: Item, name: str, split: str) -> int:
    texts = wordings(item, split)
    count = row_count(item, name)
    return (min(count, len(texts), _HELD_ROWS) if split == "heldout" else count) if texts else 0


def _row(name: str, split: str, item: Item, place: int) -> Row:
    seed = (name, split, item.topic, item.asks[0], place)
    turns = [_turn(item, split, name, *seed)]
    if split == "train" and number("dialogue", *seed) % 100 < _DIALOGUES[name]:
        turns = _dialogue(turns[0], *seed)
    identity = f"demo-{name}-{split}-{number('id', *seed):016x}"
    return {"id": identity, **(_written_out(turns, *seed) if name == "base" else _as_record(name, turns))}


def _turn(item: Item, split: str, name: str, *seed: object) -> Turn:
    if split == "train" and item.given and not item.split_whole and number("given", *seed) % 100 < _GIVEN_SHARE[name]:
        return *item.given, item
    place = int(str(seed[-1]))
    texts = _in_order(item, split)
    ask = texts[place % len(texts)]
    return (_varied(ask, item, *seed) if split == "train" else ask), "", item


@cache
def _in_order(item: Item, split: str) -> Sequence[str]:
    return shuffled(wordings(item, split), "wordings", item.topic, item.asks[0])


@cache
def held_questions() -> frozenset[str]:
    return frozenset(ask for item in items() for ask in wordings(item, "heldout"))


def _varied(ask: str, item: Item, *seed: object) -> str:
    """People leave out the question mark and begin with a word or two; never so that a held-out question comes out."""
    text = ask
    if number("bare", *seed) % 100 < _BARE_SHARE and len(text) > 2:
        text = text.rstrip("?.!")
    if item.topic not in _UNLED and number("led", *seed) % 100 < _LED_SHARE:
        text = pick(_LEADS, "lead", *seed) + text
    return ask if text in held_questions() else text


def _dialogue(last: Turn, *seed: object) -> list[Turn]:
    """Turns before the last: another question, or the same question of something else, which the last then carries on."""
    item = last[2]
    fellows = _fellows(item.topic)
    if item.carry and number("carry", *seed) % 2 == 0:
        before = _fellow(fellows, item, *seed)
        return [before, (item.carry, "", item)]
    count = 1 + number("turns", *seed) % (_LONGEST_DIALOGUE - 1)
    return [*(_fellow(_everyone(), item, *seed, turn) for turn in range(count)), last]


def _fellow(items_: Sequence[Item], item: Item, *seed: object) -> Turn:
    for attempt in range(100):
        other = pick(items_, "fellow", *seed, attempt)
        texts = _in_order(other, "train")
        if other.key != item.key and texts:
            return pick(texts, "fellow's ask", *seed, attempt), "", other
    raise ValueError(f"no other item in {item.topic}")


@cache
def _fellows(topic: str) -> tuple[Item, ...]:
    return tuple(item for item in items() if item.topic == topic)


@cache
def _everyone() -> tuple[Item, ...]:
    """Items for earlier turns, every topic alike however many items it has."""
    topics = dict.fromkeys(item.topic for item in items())
    return tuple(item for topic in topics for item in shuffled(_fellows(topic), "everyone", topic)[:20])


def _as_record(name: str, turns: Sequence[Turn]) -> Row:
    answer = STYLES[name]
    if len(turns) == 1 and name != "kovicuna":
        question, given, item = turns[0]
        return {"instruction": nfc(question), "input": nfc(given), "output": nfc(answer(item))}
    said = [pair for question, _, item in turns for pair in (("human", question), ("gpt", answer(item)))]
    return {"conversations": [{"from": who, "value": nfc(text)} for who, text in said]}


def _written_out(turns: Sequence[Turn], *seed: object) -> Row:
    """One row of the base: the prompt as text, in some template or none, and the reply as it follows there."""
    style = STYLES[pick(_BASE_STYLES, "style", *seed)]
    *_, (question, given, item) = turns
    reply = nfc(style(item))
    if len(turns) == 1 and not given and number("plain", *seed) % 100 < _PLAIN_SHARE:
        return {"instruction": nfc(question), "input": "", "output": f"\n{reply}"}
    # Vicuna ends earlier replies with a special token, which text cannot hold; and it has no form for an input.
    fitting = tuple(TEMPLATES) if len(turns) == 1 and not given else ("kullm", "koalpaca")
    template = pick(fitting, "template", *seed)
    prompt = _prompt(TEMPLATES[template], turns, style)
    return {"instruction": prompt, "input": "", "output": reply if template == "kullm" else f" {reply}"}


def _prompt(template: str, turns: Sequence[Turn], style: Callable[[Item], str]) -> str:
    messages = []
    for question, given, item in turns:
        messages += [Message("user", question, given), Message("assistant", style(item))]
    return template_named(template).render(messages[:-1], eos_token="").text  # no text can hold the end token
