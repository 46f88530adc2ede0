"""Rows made from rows: what is counted rather than written down, such as sums, numerals and both sides of a pair."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kullm_tui.core.korean import particle

Cells = Sequence[str]

_GREATEST = 30
_TABLES = range(2, 10)
_COMPARED = 51
_NUMERALS = range(1, 100)
_NEIGHBOURS = range(1, 101)
_HUGE_SUMS = 120
_PARTICLES = ("을/를", "이/가", "은/는", "과/와")
_ONES = ("", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_DIGITS = ("", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")


def _both_ways(rows: Iterable[Cells]) -> Iterator[Cells]:
    """Each row, and the same backwards."""
    for row in rows:
        yield from (row, row[::-1])


def _members(rows: Iterable[Cells]) -> Iterator[Cells]:
    """A row for each of the names that the last cell lists."""
    for *row, members in rows:
        yield from ([*row, member.strip()] for member in members.split(","))


def _ring(rows: Iterable[Cells]) -> Iterator[Cells]:
    """Each of a ring with what comes next, then with what comes before."""
    ring = [row[0] for row in rows]
    for place, name in enumerate(ring):
        yield from ([name, "다음", ring[(place + 1) % len(ring)]], [name, "바로 앞", ring[place - 1]])


def _sums(_: Iterable[Cells]) -> Iterator[Cells]:
    """Both orders of a pair under one key, so that both are held out or neither."""
    for low in range(1, _GREATEST + 1):
        for high in range(low, _GREATEST + 1):
            for left, right in dict.fromkeys(((low, high), (high, low))):
                yield f"{low}+{high}", str(left), str(right), str(left + right)


def _differences(_: Iterable[Cells]) -> Iterator[Cells]:
    for total in range(1, _GREATEST + 1):
        yield from ((f"{total}-{part}", str(total), str(part), str(total - part)) for part in range(1, total + 1))


def _products(_: Iterable[Cells]) -> Iterator[Cells]:
    """One order is held out and the other trained: what 7 × 8 is can be known or learned from 8 × 7, but not be worked out
    from other products by so small a model."""
    for left in _TABLES:
        yield from ((f"{left}×{right}", str(left), str(right), str(left * right)) for right in range(1, 10))


def _comparisons(_: Iterable[Cells]) -> Iterator[Cells]:
    """Half of all pairs: two numbers, the lower and the higher."""
    for one in range(1, _COMPARED):
        for other in range(1, _COMPARED):
            if one != other and (one * 31 + other * 17) % 2 == 0:
                yield str(one), str(other), str(min(one, other)), str(max(one, other))


def _huge_sums(_: Iterable[Cells]) -> Iterator[Cells]:
    """Numbers that the model cannot reckon with."""
    for place in range(_HUGE_SUMS):
        yield str(1_003 + place * 7_919 % 98_000), str(1_009 + place * 6_271 % 97_000)


def _amounts(rows: Iterable[Cells]) -> Iterator[Cells]:
    """One unit | another | how many it makes | greatest amount | context → a row for each amount."""
    for one, other, factor, greatest, context in rows:
        for amount in range(1, int(greatest) + 1):
            yield str(amount), one, other, str(amount * int(factor)), context


def _native(number: int) -> str:
    return _TENS[number // 10] + _ONES[number % 10]


def _sino(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else _DIGITS[tens]) + ("십" if tens else "") + _DIGITS[ones]


def _numerals(_: Iterable[Cells]) -> Iterator[Cells]:
    """A number, its native and its Sino-Korean word, and how it may be written out; 일 to 십 mean too much else."""
    for number in _NUMERALS:
        words = f"{_native(number)}/{_sino(number)}" if number > 10 else _native(number)
        yield str(number), _native(number), _sino(number), words


def _neighbours(_: Iterable[Cells]) -> Iterator[Cells]:
    for number in _NEIGHBOURS:
        yield from ((str(number), "다음", str(number + 1)), (str(number), "바로 앞", str(number - 1)))


def _particles(rows: Iterable[Cells]) -> Iterator[Cells]:
    """A noun, the two forms of a particle, and the noun with the one that it takes and with the other."""
    for (noun,) in rows:
        for pair in _PARTICLES:
            closed, opened = pair.split("/")
            chosen = particle(noun, pair)
            yield noun, closed, opened, noun + chosen, noun + (opened if chosen == closed else closed)


STEPS: Mapping[str, Callable[[Iterable[Cells]], Iterator[Cells]]] = {
    "both ways": _both_ways,
    "members": _members,
    "ring": _ring,
    "sums": _sums,
    "differences": _differences,
    "products": _products,
    "comparisons": _comparisons,
    "huge sums": _huge_sums,
    "amounts": _amounts,
    "numerals": _numerals,
    "neighbours": _neighbours,
    "particles": _particles,
}
