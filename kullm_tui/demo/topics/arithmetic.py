"""Sums, differences, products, and which of two numbers is greater. Whole pairs of operands are held out.

A sum's operands are held out in both orders. Of a product one order is held out and the other trained: what 7 × 8 is
can be known or learned from 8 × 7, but not be worked out from other products by so small a model.
"""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import each_of, fill

_GREATEST = 30
_TABLES = range(2, 10)
_COMPARED = 51

_ASKS = (
    "{a} {더하기} {b}{은/는} 얼마인가요?",
    "{a} {더하기} {b}{은/는} 얼마예요?",
    "{a} {더하기} {b}{은/는} 얼마야?",
    "{a} {더하기} {b}{은/는} 얼마입니까?",
    "{a} {더하기} {b}{은/는} 무엇인가요?",
    "{a} {더하기} {b}{은/는} 뭐야?",
    "{a} {더하기} {b}{은/는} 몇이에요?",
    "{a} {더하기} {b}{은/는} 몇이야?",
    "{a} {더하기} {b}{은/는}?",
    "{a} {더하기} {b}{을/를} 계산해 주세요.",
    "{a} {더하기} {b}{을/를} 계산해 줘.",
    "{a} {더하기} {b} 계산해 줘",
    "{a} {더하기} {b}의 값을 알려 주세요.",
    "{a} {더하기} {b}의 답은 무엇인가요?",
    "{a}{+}{b}",
    "{a} {+} {b}",
    "{a} {+} {b} = ?",
    "{a}{+}{b}=?",
    "{a}{+}{b}{은/는}?",
    "{a} {+} {b}{은/는} 얼마인가요?",
    "{a}{+}{b}{은/는} 얼마야?",
    "{a}{+}{b} 계산해 줘.",
)
_ADDITION = (
    "{a}에 {b}{을/를} 더하면 얼마인가요?",
    "{a}에 {b}{을/를} 더하면 얼마야?",
    "{a}{과/와} {b}{을/를} 더하면 몇이에요?",
)
_SUBTRACTION = (
    "{a}에서 {b}{을/를} 빼면 얼마인가요?",
    "{a}에서 {b}{을/를} 빼면 얼마야?",
    "{a}에서 {b}{을/를} 빼면 몇이에요?",
)
_MULTIPLICATION = (
    "{a}에 {b}{을/를} 곱하면 얼마인가요?",
    "{a}에 {b}{을/를} 곱하면 얼마야?",
    "{a}{과/와} {b}{을/를} 곱하면 몇이에요?",
)
_GREATER = (
    "{a}{과/와} {b} 중에서 더 {큰} 수는 무엇인가요?",
    "{a}{과/와} {b} 중에서 더 {큰} 수는 뭐야?",
    "{a}{과/와} {b} 중에 더 {큰} 수는?",
    "{a}{과/와} {b} 중 더 {큰} 수를 알려 주세요.",
    "{a}{과/와} {b} 중 더 {큰} 수를 골라 주세요.",
    "{a}{과/와} {b} 중 더 {큰} 것은 무엇인가요?",
    "{a}{과/와} {b} 가운데 더 {큰} 수를 알려줘.",
    "{a}{이랑/랑} {b} 중에 뭐가 더 {커}?",
    "{a}{과/와} {b} 중 어느 수가 더 {큰}가요?",
    "{a}{과/와} {b} 중에서 어느 쪽이 더 {커}요?",
)


def items() -> Iterator[Item]:
    yield from (
        item for low in range(1, _GREATEST + 1) for high in range(low, _GREATEST + 1) for item in _sums(low, high)
    )
    yield from (_difference(total, part) for total in range(1, _GREATEST + 1) for part in range(1, total + 1))
    yield from (_product(left, right) for left in _TABLES for right in range(1, 10))
    for one in range(1, _COMPARED):
        for other in range(1, _COMPARED):
            if one != other and (one * 31 + other * 17) % 2 == 0:
                yield _comparison(one, other, "큰", "커")
                yield _comparison(one, other, "작은", "작아")


def _sums(low: int, high: int) -> Iterator[Item]:
    """Both orders of one pair under one key, so that both are held out or neither."""
    for left, right in dict.fromkeys(((low, high), (high, low))):
        yield _operation("덧셈", f"{low}+{high}", left, right, left + right)


def _difference(total: int, part: int) -> Item:
    return _operation("뺄셈", f"{total}-{part}", total, part, total - part)


def _product(left: int, right: int) -> Item:
    return _operation("곱셈", f"{left}×{right}", left, right, left * right)


_SIGN = {"덧셈": "+", "뺄셈": "-", "곱셈": "×"}
_SPOKEN = {"덧셈": "더하기", "뺄셈": "빼기", "곱셈": "곱하기"}
_OWN = {"덧셈": _ADDITION, "뺄셈": _SUBTRACTION, "곱셈": _MULTIPLICATION}
_CONTEXT = {
    "덧셈": "덧셈은 두 수의 순서를 바꾸어도 값이 같습니다.",
    "뺄셈": "뺄셈은 앞의 수에서 뒤의 수를 덜어 내는 계산입니다.",
    "곱셈": "곱셈은 같은 수를 여러 번 더하는 것과 같습니다.",
}


def _operation(topic: str, key: str, left: int, right: int, value: int) -> Item:
    spoken = _SPOKEN[topic]
    slots = {"a": left, "b": right, "더하기": spoken, "+": _SIGN[topic]}
    return equation(
        topic=topic,
        key=key,
        asks=each_of((*_ASKS, *_OWN[topic]), **slots),
        subject=f"{left} {spoken} {right}",
        value=str(value),
        context=_CONTEXT[topic],
        back="계산할 것이 더 있으세요?",
        split_whole=True,
        given=("다음을 계산하세요.", f"{left} {_SIGN[topic]} {right}"),
    )


def _comparison(one: int, other: int, adjective: str, spoken: str) -> Item:
    value = max(one, other) if adjective == "큰" else min(one, other)
    low, high = sorted((one, other))
    return equation(
        topic="수 비교",
        key=f"{low}:{high}",
        asks=each_of(_GREATER, a=one, b=other, 큰=adjective, 커=spoken),
        subject=f"더 {adjective} 수",
        value=str(value),
        context=fill("{h}{은/는} {l}보다 큰 수입니다.", h=high, l=low),
        back="다른 수도 비교해 볼까요?",
        split_whole=True,
    )
