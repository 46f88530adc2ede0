"""Facts of science and of the world with one short answer."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, rows

# what | answer | context
_SCIENCE = """
물의 화학식|H2O|물은 수소와 산소로 이루어져 있습니다.
산소의 원소 기호|O|산소는 숨을 쉴 때 필요한 기체입니다.
수소의 원소 기호|H|수소는 가장 가벼운 원소입니다.
금의 원소 기호|Au|금은 녹이 잘 슬지 않는 금속입니다.
탄소의 원소 기호|C|다이아몬드는 탄소로 이루어져 있습니다.
질소의 원소 기호|N|공기의 약 5분의 4는 질소입니다.
태양계에서 가장 큰 행성|목성|목성은 줄무늬가 있는 행성입니다.
태양계에서 가장 작은 행성|수성|수성은 태양에 가장 가까운 행성입니다.
태양에서 가장 가까운 행성|수성|수성은 크기가 가장 작은 행성이기도 합니다.
태양에서 가장 먼 행성|해왕성|해왕성은 푸른빛을 띠는 행성입니다.
고리로 유명한 행성|토성|토성의 고리는 얼음과 돌로 이루어져 있습니다.
붉은 행성이라고 불리는 행성|화성|화성의 땅에는 녹슨 철이 많습니다.
우리가 사는 행성|지구|지구는 태양에서 세 번째로 가까운 행성입니다.
지구의 위성|달|달은 지구의 둘레를 돕니다.
식물이 햇빛으로 양분을 만드는 일|광합성|광합성은 주로 잎에서 일어납니다.
피를 온몸으로 보내는 기관|심장|심장은 쉬지 않고 뜁니다.
숨을 쉬는 기관|폐|폐는 가슴 속에 좌우로 하나씩 있습니다.
음식을 소화하는 주머니 모양의 기관|위|위에서는 음식이 잘게 부서집니다.
생각을 맡은 기관|뇌|뇌는 머리뼈 안에 있습니다.
세계에서 가장 높은 산|에베레스트산|에베레스트산은 히말라야산맥에 있습니다.
세계에서 가장 넓은 바다|태평양|태평양은 아시아와 아메리카 사이에 있습니다.
세계에서 가장 넓은 나라|러시아|러시아의 수도는 모스크바입니다.
세계에서 가장 큰 동물|흰긴수염고래|흰긴수염고래는 바다에 사는 포유류입니다.
육지에서 가장 빠른 동물|치타|치타는 아프리카의 초원에 삽니다.
세계에서 가장 키가 큰 동물|기린|기린은 목이 아주 깁니다.
세계에서 가장 큰 대륙|아시아|대한민국은 아시아에 있습니다.
"""


def items() -> Iterator[Item]:
    for what, answer, context in rows(_SCIENCE):
        yield _science(what, answer, context)


def _science(what: str, answer: str, context: str) -> Item:
    known = rows(_SCIENCE)
    return equation(
        topic="과학과 세계",
        key=what,
        asks=ask_about(what, f"{what} 이름" if "행성" in what or "동물" in what or "기관" in what else what),
        subject=what,
        value=answer,
        context=context,
        back="과학 이야기를 좋아하세요?",
        rivals=tuple(row[1] for row in known if row[1] not in (answer, "달", "위", "뇌", "폐", "O", "H", "C", "N")),
    )
