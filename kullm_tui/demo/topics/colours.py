"""What colour things have, and what two colours make."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, fill, rows, unique

_COLOURS = """
맑은 하늘|파란색
바다|파란색
잘 익은 사과|빨간색
딸기|빨간색
잘 익은 토마토|빨간색
고추장|빨간색
소방차|빨간색
바나나|노란색
개나리|노란색
병아리|노란색
은행잎|노란색
해바라기 꽃잎|노란색
레몬|노란색
나뭇잎|초록색
잔디|초록색
오이|초록색
시금치|초록색
수박 껍질|초록색
함박눈|하얀색
우유|하얀색
쌀밥|하얀색
두부|하얀색
소금|하얀색
까마귀|검은색
숯|검은색
김|검은색
먹물|검은색
밤하늘|검은색
가지|보라색
포도|보라색
귤|주황색
당근|주황색
감|주황색
초콜릿|갈색
알밤|갈색
나무줄기|갈색
코끼리|회색
쥐|회색
벚꽃|분홍색
진달래|분홍색
"""
_MIXED = """
빨간색|노란색|주황색
빨간색|파란색|보라색
노란색|파란색|초록색
검은색|하얀색|회색
빨간색|하얀색|분홍색
"""


def items() -> Iterator[Item]:
    colours = tuple(dict.fromkeys(row[1] for row in rows(_COLOURS)))
    for thing, colour in rows(_COLOURS):
        yield _colour(thing, colour, colours)
    for one, other, colour in rows(_MIXED):
        yield _mixture(one, other, colour)


def _colour(thing: str, colour: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}{은/는} 무슨 색인가요?",
        "{n}{은/는} 무슨 색이에요?",
        "{n}{은/는} 무슨 색이야?",
        "{n}{은/는} 무슨 색입니까?",
        "{n}{은/는} 어떤 색인가요?",
        "{n}{은/는} 어떤 색이에요?",
        "{n}{은/는} 어떤 색이야?",
        "{n}{은/는} 어떤 색깔이에요?",
        "{n}{은/는} 무슨 색깔이야?",
        "{n}{이/가} 무슨 색인지 알려 주세요.",
        "{n}{이/가} 무슨 색인지 알려줘.",
    )
    return equation(
        topic="색깔",
        key=thing,
        asks=unique(*each_of(patterns, n=thing), *ask_about(f"{thing}의 색깔")),
        subject=thing,
        value=colour,
        context="색깔은 빛이 물체에 닿아 되돌아 나온 것입니다.",
        back="무슨 색을 좋아하세요?",
        rivals=rivals,
    )


def _mixture(one: str, other: str, colour: str) -> Item:
    patterns = (
        "{a}{과/와} {b}{을/를} 섞으면 무슨 색이 되나요?",
        "{a}{과/와} {b}{을/를} 섞으면 무슨 색이 돼요?",
        "{a}{과/와} {b}{을/를} 섞으면 무슨 색이 돼?",
        "{a}{과/와} {b}{을/를} 섞으면 무슨 색인가요?",
        "{a}{과/와} {b}{을/를} 섞으면 무슨 색이야?",
        "{a}에 {b}{을/를} 섞으면 무슨 색이 되나요?",
        "{a}에 {b}{을/를} 섞으면 무슨 색이 돼?",
        "{a}{과/와} {b} 물감을 섞으면 어떤 색이 되나요?",
        "{a}{과/와} {b} 물감을 섞으면 어떤 색이 돼?",
    )
    asks = (*each_of(patterns, a=one, b=other), *each_of(patterns, a=other, b=one))
    return Item(
        topic="색 섞기",
        key=colour,
        asks=asks,
        polite=fill("{a}{과/와} {b}{을/를} 섞으면 {c}이 됩니다.", a=one, b=other, c=colour),
        context="물감의 색은 섞을수록 어두워집니다.",
        plain=f"{colour}이 된다.",
        warm=fill("{a}{과/와} {b}{을/를} 섞으면 {c}이 돼요!", a=one, b=other, c=colour),
        back="그림 그리기를 좋아하세요?",
        accepted=(colour,),
    )
