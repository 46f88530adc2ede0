"""Animals: the sound they make, the class they belong to, what their young are called."""

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
