"""Converting units: length, weight, volume, time. Small whole amounts, so that the answer is a product that can be learned."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, fill, rows

# one | other | factor | greatest amount | context
_TABLE = """
킬로미터|미터|1000|20|1킬로미터는 1000미터입니다.
미터|센티미터|100|20|1미터는 100센티미터입니다.
센티미터|밀리미터|10|20|1센티미터는 10밀리미터입니다.
킬로그램|그램|1000|20|1킬로그램은 1000그램입니다.
톤|킬로그램|1000|20|1톤은 1000킬로그램입니다.
리터|밀리리터|1000|20|1리터는 1000밀리리터입니다.
시간|분|60|10|1시간은 60분입니다.
분|초|60|10|1분은 60초입니다.
일|시간|24|5|하루는 24시간입니다.
주|일|7|9|1주는 7일입니다.
년|개월|12|9|1년은 12개월입니다.
세기|년|100|20|1세기는 100년입니다.
"""
_ASKS = (
    "{a}{one}{은/는} 몇 {other}인가요?",
    "{a}{one}{은/는} 몇 {other}{이에요/예요}?",
    "{a}{one}{은/는} 몇 {other}{이야/야}?",
    "{a}{one}{은/는} 몇 {other}입니까?",
    "{a}{one}{은/는} 몇 {other}일까요?",
    "{a}{one}{은/는} {other}{으로/로} 얼마인가요?",
    "{a}{one}{은/는} {other}{으로/로} 얼마예요?",
    "{a}{one}{은/는} {other}{으로/로} 얼마야?",
    "{a}{one}{을/를} {other}{으로/로} 바꿔 주세요.",
    "{a}{one}{을/를} {other}{으로/로} 바꿔 줘.",
    "{a}{one}{을/를} {other}{으로/로} 바꾸면 얼마인가요?",
    "{a}{one}{을/를} {other}{으로/로} 바꾸면 얼마예요?",
    "{a}{one}{을/를} {other}{으로/로} 바꾸면 얼마야?",
    "{a}{one}{을/를} {other} 단위로 나타내 주세요.",
    "{a}{one}{이/가} 몇 {other}인지 알려 주세요.",
    "{a}{one}{이/가} 몇 {other}인지 알려줘.",
    "{a}{one} 몇 {other}{이야/야}?",
)
_COUNTS = """
하루|시간|24|하루는 낮과 밤을 모두 합한 시간입니다.
일주일|일|7|일주일은 월요일부터 일요일까지입니다.
연필 한 다스|자루|12|연필은 한 다스씩 묶어서 팔기도 합니다.
삼각형의 변|개|3|삼각형은 세 개의 선분으로 둘러싸인 도형입니다.
사각형의 꼭짓점|개|4|사각형은 네 개의 선분으로 둘러싸인 도형입니다.
오각형의 변|개|5|오각형은 다섯 개의 선분으로 둘러싸인 도형입니다.
육각형의 변|개|6|벌집의 방은 육각형 모양입니다.
거미의 다리|개|8|거미는 곤충이 아니라 거미류에 속합니다.
곤충의 다리|개|6|곤충의 몸은 머리, 가슴, 배로 나뉩니다.
문어의 다리|개|8|문어는 뼈가 없는 바다 동물입니다.
오징어의 다리|개|10|오징어의 다리 가운데 두 개는 특별히 깁니다.
강아지의 다리|개|4|강아지는 네 발로 걷습니다.
사람의 손가락|개|10|한 손에 손가락이 다섯 개씩 있습니다.
무지개의 색깔|개|7|무지개는 빨강부터 보라까지 이어집니다.
축구 한 팀의 선수|명|11|축구는 발로 공을 차서 골대에 넣는 경기입니다.
야구 한 팀의 수비수|명|9|야구는 공격과 수비를 번갈아 하는 경기입니다.
농구 한 팀의 선수|명|5|농구는 공을 바구니에 던져 넣는 경기입니다.
배구 한 팀의 선수|명|6|배구는 네트 위로 공을 넘기는 경기입니다.
윷놀이의 윷가락|개|4|윷놀이는 설날에 많이 하는 놀이입니다.
태양계의 행성|개|8|지구는 태양에서 세 번째로 가까운 행성입니다.
자전거의 바퀴|개|2|자전거는 발로 페달을 밟아 움직입니다.
"""


def items() -> Iterator[Item]:
    for one, other, factor, greatest, context in rows(_TABLE):
        yield from (_conversion(amount, one, other, int(factor), context) for amount in range(1, int(greatest) + 1))
    for thing, unit, count, context in rows(_COUNTS):
        yield _count(thing, unit, count, context)


def _conversion(amount: int, one: str, other: str, factor: int, context: str) -> Item:
    value = f"{amount * factor}{other}"
    return equation(
        topic="단위",
        key=f"{amount}{one}→{other}",
        asks=each_of(_ASKS, a=amount, one=one, other=other),
        subject=f"{amount}{one}",
        value=value,
        context=context,
        back="다른 단위도 바꿔 드릴까요?",
        given=(fill("다음을 {u}{으로/로} 바꾸세요.", u=other), f"{amount}{one}"),
    )


def _count(thing: str, unit: str, count: str, context: str) -> Item:
    phrase = f"{thing} 수" if unit in ("개", "명") else thing
    asks = each_of(
        (
            "{n}{은/는} 몇 {u}인가요?",
            "{n}{은/는} 몇 {u}{이에요/예요}?",
            "{n}{은/는} 몇 {u}{이야/야}?",
            "{n}{은/는} 몇 {u}입니까?",
            "{n}{은/는} 몇 {u}일까요?",
            "{n}{은/는} 모두 몇 {u}인가요?",
            "{n}{은/는} 모두 몇 {u}{이에요/예요}?",
            "{n}{은/는} 모두 몇 {u}{이야/야}?",
            "{n}{이/가} 몇 {u}인지 알려 주세요.",
            "{n}{이/가} 몇 {u}인지 알려줘.",
            "{n}{이/가} 몇 {u}인지 아세요?",
        ),
        n=thing,
        u=unit,
    )
    return equation(
        topic="개수",
        key=thing,
        asks=(*asks, *(ask_about(phrase) if phrase != thing else ())),
        subject=thing,
        value=f"{count}{unit}",
        context=context,
        back="또 세어 볼 것이 있으세요?",
    )
