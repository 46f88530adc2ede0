"""Rows translated, in their own order, by whoever was chosen for it; what each row said before stays with it.

However many rows there are, only so many are held at once: they are read as room comes, and given back as soon as those before them are.
What is paid for lies in the cache, so that a translation that stopped or was killed goes on where it was, by being asked for again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from data.masking.layout import Layout, laid_out
from data.row import Rejection, Row
from data.translate.asking import AT_ONCE, Asking
from data.translate.cache import TranslationCache
from data.translate.progress import Estimate, Progress
from data.translate.queue import Outcome, Untranslated, Wish
from data.translate.translator import CallFault, Translator, key_of, rules_of
from kullm_tui.core.language import say
from kullm_tui.core.records import Message

_ROWS_AT_ONCE, _CHARACTERS_AT_ONCE = 200, 1_000_000  # read and laid out together
_MOST_ROWS, _MOST_CHARACTERS = 4000, 6_000_000  # held at once


@dataclass(frozen=True)
class LaidRow:
    """A row with all its texts laid out: each message's content, then its input."""

    row: Row
    layouts: tuple[Layout, ...]

    @property
    def characters(self) -> int:
        return sum(len(one.text) for one in self.layouts)

    def translated(self, outcomes: Sequence[str]) -> Row:
        texts, at = [], 0
        for layout in self.layouts:
            end = at + len(layout.units)
            texts.append(layout.assembled(outcomes[at:end]))
            at = end
        pairs = zip(texts[::2], texts[1::2], strict=True)
        messages = tuple(
            Message(old.role, content, input_text)
            for old, (content, input_text) in zip(self.row.messages, pairs, strict=True)
        )
        return replace(self.row, messages=messages, original=self.row.messages)


def lay_row(row: Row) -> LaidRow:
    return LaidRow(row, tuple(laid_out(text) for one in row.messages for text in (one.content, one.input)))


@dataclass(eq=False)
class _Waiting:
    laid: LaidRow
    wishes: Sequence[Wish]


async def translate(
    rows: Iterable[Row],
    translator: Translator,
    cache: TranslationCache,
    *,
    budget: float | None = None,
    progress: Progress | None = None,
    at_once: int = AT_ONCE,
) -> AsyncGenerator[Row | Rejection, None]:
    """KullmError where it cannot go on (no quota, no budget, a refused key, a full disk); done again, it goes on from there.

    `budget` is in dollars; `progress` may be looked at meanwhile. Close the iterator, or what is under way is lost.
    """
    progress = progress or Progress()
    asking = Asking(translator, cache, progress=progress, budget=budget, at_once=at_once)
    window, held, source = deque[_Waiting](), 0, iter(rows)
    is_last = False
    asking.begin()
    try:
        while True:
            while not is_last and asking.stopped is None and len(window) < _MOST_ROWS and held < _MOST_CHARACTERS:
                laid = await asyncio.to_thread(_next_rows, source)
                is_last = not laid
                held += sum(one.characters for one in laid)
                window.extend(await _wished(laid, asking))
            if is_last:
                await asking.no_more()
            if not window:
                break
            first = window.popleft()
            held -= first.laid.characters
            outcomes = await asking.outcomes(first.wishes)
            if None in outcomes:
                break
            finished = _finished(first.laid, outcomes)
            progress.rows += 1
            progress.rejected += isinstance(finished, Rejection)
            yield finished
    finally:
        await asking.close()
    if asking.stopped:
        raise asking.stopped


async def _wished(laid: Sequence[LaidRow], asking: Asking) -> Iterator[_Waiting]:
    units = [[unit for layout in one.layouts for unit in layout.units] for one in laid]
    wishes = iter(await asking.want([unit for of_row in units for unit in of_row]))
    return iter([_Waiting(one, list(islice(wishes, len(own)))) for one, own in zip(laid, units, strict=True)])


def _next_rows(source: Iterator[Row]) -> list[LaidRow]:
    laid, characters = list[LaidRow](), 0
    while len(laid) < _ROWS_AT_ONCE and characters < _CHARACTERS_AT_ONCE and (row := next(source, None)):
        laid.append(lay_row(row))
        characters += laid[-1].characters
    return laid


def _finished(laid: LaidRow, outcomes: Sequence[Outcome]) -> Row | Rejection:
    for one in outcomes:
        if isinstance(one, Untranslated):
            return Rejection(laid.row, one.reason, _detail(one))
    return laid.translated([one for one in outcomes if isinstance(one, str)])


def _detail(fault: Untranslated) -> str:
    match fault.reason:
        case "placeholder-lost":
            words = say(
                "코드나 주소가 번역에서 빠지거나 늘었어요",
                "code or an address is missing or doubled in the translation",
            )
        case "placeholder-moved":
            words = say(
                "코드나 주소가 번역에서 다른 자리로 옮겨졌어요",
                "code or an address stands in another place in the translation",
            )
        case "empty-translation":
            words = say("번역이 비어 있어요", "the translation is empty")
        case _:
            return fault.detail
    return f"{words}: {fault.detail}" if fault.detail.strip() else words


async def estimate(
    rows: Iterable[Row],
    translator: Translator,
    cache: TranslationCache,
    *,
    ask_quota: bool = True,
    told: Callable[[int], None] = lambda _rows: None,
) -> Estimate:
    """What `translate` would send and pay. Nothing is sent but the question for the quota. `told` hears, in another thread, how many rows
    were counted; what it raises ends the counting."""
    counted = await asyncio.to_thread(_counted, iter(rows), translator, cache, told)
    quota = None
    if ask_quota and counted.to_pay:
        with suppress(CallFault):  # what it costs is known without it, and whoever translates asks again
            quota = await translator.quota()
    return replace(counted, quota_left=quota.left if quota else None)


def _counted(
    source: Iterator[Row], translator: Translator, cache: TranslationCache, told: Callable[[int], None]
) -> Estimate:
    rules, seen = rules_of(translator), set[int]()
    count = texts = characters = cached = 0
    while laid := _next_rows(source):
        count += len(laid)
        told(count)
        fresh: dict[str, int] = {}
        for unit in (unit for one in laid for layout in one.layouts for unit in layout.units):
            form, text = unit.asks[0]
            key = key_of(rules, form, text)
            short = int(key[:15], 16)  # millions of whole keys would not fit into memory
            if short not in seen:
                seen.add(short)
                fresh[key] = len(text)
        there = cache.found(fresh)
        texts += len(fresh)
        characters += sum(fresh.values())
        cached += sum(fresh[key] for key in there)
    to_pay = characters - cached
    return Estimate(
        rows=count,
        texts=texts,
        characters=characters,
        cached=cached,
        to_pay=to_pay,
        dollars=translator.dollars(to_pay),
        as_of=translator.price_as_of,
        free_a_month=translator.free_a_month,
        others=cache.counts(rules)[1],
    )
