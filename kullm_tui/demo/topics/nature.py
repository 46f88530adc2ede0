"""Animals and things: what sound, what class, what young, what colour, and a few facts of science."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, fill, rows, unique

_SOUNDS = """
강아지|멍멍
고양이|야옹
소|음매
돼지|꿀꿀
오리|꽥꽥
병아리|삐악삐악
닭|꼬끼오
개구리|개굴개굴
참새|짹짹
까마귀|까악까악
까치|깍깍
매미|맴맴
귀뚜라미|귀뚤귀뚤
뻐꾸기|뻐꾹뻐꾹
부엉이|부엉부엉
비둘기|구구
호랑이|어흥
말|히힝
쥐|찍찍
꿀벌|윙윙
"""
_YOUNG = """
개|강아지
소|송아지
말|망아지
닭|병아리
개구리|올챙이
꿩|꺼병이
호랑이|개호주
"""
_CLASSES = """
포유류|새끼에게 젖을 먹여 기르는 동물을 포유류라고 합니다.|고래,박쥐,호랑이,사자,코끼리,기린,토끼,다람쥐,원숭이,돌고래,곰,늑대,여우,사슴,캥거루,고양이
조류|깃털이 있고 알을 낳는 동물을 조류라고 합니다.|펭귄,참새,독수리,타조,비둘기,까치,오리,부엉이,앵무새,제비,갈매기,두루미
어류|물속에서 아가미로 숨을 쉬는 동물을 어류라고 합니다.|상어,고등어,연어,붕어,참치,갈치,금붕어,명태,잉어,멸치
파충류|몸이 비늘로 덮이고 주로 땅에 알을 낳는 동물을 파충류라고 합니다.|뱀,거북,악어,도마뱀,카멜레온
양서류|어릴 때는 물에서, 자라서는 땅에서도 사는 동물을 양서류라고 합니다.|개구리,두꺼비,도롱뇽,맹꽁이
곤충|다리가 여섯 개인 작은 동물을 곤충이라고 합니다.|나비,꿀벌,개미,잠자리,매미,메뚜기,무당벌레,사마귀,귀뚜라미,파리
"""
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
    sounds, young = rows(_SOUNDS), rows(_YOUNG)
    for animal, sound in sounds:
        yield _sound(animal, sound, tuple(row[1] for row in sounds))
    for animal, child in young:
        yield _young(animal, child, tuple(row[1] for row in young))
    classes = rows(_CLASSES)
    for name, context, members in classes:
        for animal in members.split(","):
            yield _class(animal, name, context, tuple(row[0] for row in classes))
    colours = tuple(dict.fromkeys(row[1] for row in rows(_COLOURS)))
    for thing, colour in rows(_COLOURS):
        yield _colour(thing, colour, colours)
    for one, other, colour in rows(_MIXED):
        yield _mixture(one, other, colour)
    for what, answer, context in rows(_SCIENCE):
        yield _science(what, answer, context)


def _sound(animal: str, sound: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}{은/는} 어떻게 우나요?",
        "{n}{은/는} 어떻게 울어요?",
        "{n}{은/는} 어떻게 울어?",
        "{n}{은/는} 어떤 소리를 내나요?",
        "{n}{은/는} 어떤 소리를 내요?",
        "{n}{은/는} 무슨 소리를 내?",
        "{n} 소리를 흉내 내 주세요.",
        "{n} 소리 흉내 내 줘.",
    )
    return Item(
        topic="동물 소리",
        key=animal,
        asks=unique(*each_of(patterns, n=animal), *ask_about(f"{animal}의 울음소리", f"{animal} 울음소리")),
        polite=fill("{n}{은/는} '{s}' 하고 소리를 냅니다.", n=animal, s=sound),
        context="동물의 소리를 흉내 낸 말을 의성어라고 합니다.",
        plain=f"{sound}.",
        warm=fill("{n}{은/는} '{s}' 하고 소리를 내요!", n=animal, s=sound),
        back="또 어떤 동물이 궁금하세요?",
        accepted=(sound,),
        rivals=tuple(each for each in rivals if each != sound),
    )


def _young(animal: str, child: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}의 새끼를 뭐라고 부르나요?",
        "{n}의 새끼를 뭐라고 불러요?",
        "{n}의 새끼를 뭐라고 불러?",
        "{n} 새끼를 부르는 이름은 무엇인가요?",
    )
    return equation(
        topic="동물의 새끼",
        key=animal,
        asks=unique(*each_of(patterns, n=animal), *ask_about(f"{animal}의 새끼 이름", f"{animal} 새끼 이름")),
        subject=f"{animal}의 새끼 이름",
        value=child,
        context="우리말에는 동물의 새끼를 이르는 이름이 따로 있습니다.",
        back="다른 동물의 새끼도 궁금하세요?",
        rivals=rivals,
    )


def _class(animal: str, name: str, context: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}{은/는} 어떤 동물에 속하나요?",
        "{n}{은/는} 어떤 무리에 속해요?",
        "{n}{은/는} 어떤 종류의 동물인가요?",
        "{n}{은/는} 어떤 종류의 동물이야?",
        "{n}{은/는} 무슨 동물에 속해?",
        "{n}{은/는} 무슨 종류의 동물이에요?",
        "{n}{은/는} 동물 분류에서 무엇에 속하나요?",
        "{n}{은/는} 동물 분류에서 무엇에 속해?",
        "{n}{은/는} 어느 무리의 동물인가요?",
        "{n}{이/가} 속한 동물 무리를 알려 주세요.",
        "{n}{이/가} 속한 동물 무리는 무엇인가요?",
        "{n}{이/가} 속한 동물 무리는 뭐야?",
        "{n}{이/가} 어떤 동물에 속하는지 알려 주세요.",
        "{n}{이/가} 어떤 동물에 속하는지 알려줘.",
    )
    return Item(
        topic="동물 무리",
        key=animal,
        asks=each_of(patterns, n=animal),
        polite=fill("{n}{은/는} {c}에 속합니다.", n=animal, c=name),
        context=context,
        plain=f"{name}에 속한다.",
        warm=fill("{n}{은/는} {c}에 속해요!", n=animal, c=name),
        back="또 어떤 동물이 궁금하세요?",
        accepted=(name,),
        rivals=tuple(each for each in rivals if each != name),
    )


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
