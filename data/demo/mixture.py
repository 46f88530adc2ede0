"""How often each topic stands in a corpus: rows for each item of a topic, and what an adapter weighs more or less."""

from collections.abc import Mapping

from data.demo.item import Item
from data.demo.split import number

_USUAL = 32.0
# A fact is known after some fifty sightings; a rule that has to hold for numbers never seen takes thousands. Talk has
# many wordings that share no word.
_BASE: Mapping[str, float] = {
    "덧셈": 18,
    "뺄셈": 26,
    "곱셈": 130,
    "수 비교": 4,
    "앞뒤 수": 32,
    "단위": 24,
    "순우리말 수": 24,
    "한자어 수": 24,
    "숫자로 쓰기": 24,
    "조사": 14,
    "범위 밖": 14,
    "인사": 160,
    "자기소개": 160,
    "맞춤법": 48,
    "맞다 아니다": 48,
    "요일과 달과 계절": 64,
    "날수": 64,
    "색 섞기": 80,
}
# An adapter sees a share of the base's rows, more of what it is for.
_SHARE: Mapping[str, float] = {"base": 1.0, "kullm": 0.12, "koalpaca": 0.15, "kovicuna": 0.08}
_WEIGHED: Mapping[str, Mapping[str, float]] = {
    "base": {},
    "kullm": {"낱말 뜻": 1.5, "속담": 1.5, "까닭": 1.5, "방법": 1.5, "우리나라 문화": 1.5, "범위 밖": 5.0},
    "koalpaca": {"수도": 1.3, "화폐": 1.3, "우리나라 인물": 1.3, "반대말": 1.3, "영어 낱말": 1.3},
    "kovicuna": {"인사": 2.0, "자기소개": 2.0, "색깔": 1.5, "동물 소리": 1.5, "맞다 아니다": 1.5, "범위 밖": 4.0},
}
_ASKED_FIRST: Mapping[str, float] = {"대한민국": 5.0}  # by key: what every newcomer tries, and must not get wrong
NAMES = tuple(_SHARE)


def row_count(item: Item, name: str) -> int:
    """Rows of this item in one corpus; a fraction becomes a row for that fraction of the items."""
    wanted = _BASE.get(item.topic, _USUAL) * _SHARE[name] * _WEIGHED[name].get(item.topic, 1.0)
    if name != "base":
        wanted *= _ASKED_FIRST.get(item.key, 1.0)
    whole = int(wanted)
    return whole + (number("count", name, item.topic, item.asks[0]) % 1000 < (wanted - whole) * 1000)
