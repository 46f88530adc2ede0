"""Numbers as words, native (하나, 둘) and Sino-Korean (일, 이), and what comes before and after a number."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, fill, unique

_ONES = ("", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_DIGITS = ("", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
_GREATEST = 99
_NEIGHBOURS = 100


def native(number: int) -> str:
    return _TENS[number // 10] + _ONES[number % 10]


def sino(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else _DIGITS[tens]) + ("십" if tens else "") + _DIGITS[ones]


def items() -> Iterator[Item]:
    natives = tuple(native(number) for number in range(1, _GREATEST + 1))
    sinos = tuple(sino(number) for number in range(1, _GREATEST + 1))
    for number in range(1, _GREATEST + 1):
        yield _native(number, natives)
        yield _sino(number, sinos)
        yield _digits(number)
    for number in range(1, _NEIGHBOURS + 1):
        yield _neighbour(number, "다음", number + 1)
        yield _neighbour(number, "바로 앞", number - 1)


def _native(number: int, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{a}{을/를} 순우리말로 어떻게 세나요?",
        "{a}{을/를} 순우리말로 뭐라고 하나요?",
        "{a}{을/를} 순우리말로 뭐라고 해요?",
        "{a}{을/를} 순우리말로 뭐라고 해?",
        "{a}{을/를} 순우리말로 말해 주세요.",
        "{a}{을/를} 순우리말로 말해 줘.",
        "{a}{을/를} 순우리말 수로 바꿔 주세요.",
        "{a}{은/는} 순우리말로 무엇인가요?",
        "{a}{은/는} 순우리말로 뭐예요?",
        "{a}{은/는} 순우리말로 뭐야?",
        "숫자 {a}{을/를} 순우리말로 어떻게 말하나요?",
        "숫자 {a}{을/를} 순우리말로 뭐라고 해요?",
        "숫자 {a}{을/를} 순우리말로 알려 주세요.",
        "숫자 {a}{은/는} 순우리말로 뭐야?",
    )
    return _read(number, patterns, fill("{a}{을/를} 순우리말로 센 말", a=number), native(number), rivals, "순우리말 수")


def _sino(number: int, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{a}{을/를} 한자어로 어떻게 읽나요?",
        "{a}{을/를} 한자어로 읽어 주세요.",
        "{a}{을/를} 한자어로 읽어 줘.",
        "{a}{을/를} 한자어로 읽으면 뭐예요?",
        "{a}{을/를} 한자어로 뭐라고 하나요?",
        "{a}{을/를} 한자어로 뭐라고 해?",
        "{a}{은/는} 한자어로 무엇인가요?",
        "{a}{은/는} 한자어로 뭐야?",
        "숫자 {a}{을/를} 한자어로 어떻게 읽어요?",
        "숫자 {a}{을/를} 한자어로 어떻게 읽어?",
        "숫자 {a}{을/를} 한자어로 알려 주세요.",
        "숫자 {a}{은/는} 한자어로 뭐예요?",
    )
    return _read(number, patterns, fill("{a}{을/를} 한자어로 읽은 말", a=number), sino(number), rivals, "한자어 수")


def _read(number: int, patterns: tuple[str, ...], subject: str, word: str, rivals: tuple[str, ...], topic: str) -> Item:
    return equation(
        topic=topic,
        key=str(number),
        asks=each_of(patterns, a=number),
        subject=subject,
        value=f"'{word}'",
        context="우리말에는 수를 세는 말이 두 가지 있습니다.",
        back="다른 수도 읽어 볼까요?",
        accepted=(word,),
        rivals=tuple(each for each in rivals if each != word),
    )


def _digits(number: int) -> Item:
    words = unique(native(number), sino(number)) if number > 10 else (native(number),)
    patterns = (
        "'{w}'{을/를} 숫자로 쓰면 무엇인가요?",
        "'{w}'{을/를} 숫자로 쓰면 뭐예요?",
        "'{w}'{을/를} 숫자로 써 주세요.",
        "'{w}'{을/를} 숫자로 써 줘.",
        "'{w}'{을/를} 숫자로 바꿔 주세요.",
        "'{w}'{은/는} 숫자로 얼마인가요?",
        "'{w}'{은/는} 숫자로 뭐야?",
        "{w}{을/를} 숫자로 쓰면 뭐야?",
        "{w}{을/를} 숫자로 나타내 주세요.",
        "{w}{은/는} 숫자로 몇인가요?",
    )
    return equation(
        topic="숫자로 쓰기",
        key=str(number),
        asks=tuple(ask for word in words for ask in each_of(patterns, w=word)),
        subject=f"숫자로 쓴 '{native(number)}'",
        value=str(number),
        context="수는 말로도 쓰고 숫자로도 씁니다.",
        back="다른 수도 숫자로 써 볼까요?",
    )


def _neighbour(number: int, side: str, value: int) -> Item:
    more = each_of(("{a} {side}에 오는 수는 무엇인가요?", "{a} {side}에 오는 수는 뭐야?"), a=number, side=side)
    return equation(
        topic="앞뒤 수",
        key=f"{number} {side}",
        asks=(*ask_about(f"{number} {side} 수"), *more),
        subject=f"{number} {side} 수",
        value=str(value),
        context="수는 1씩 커지면서 차례로 이어집니다.",
        back="다른 수도 세어 볼까요?",
        split_whole=True,
    )
