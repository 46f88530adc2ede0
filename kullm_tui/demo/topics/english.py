"""English words and what they mean: everyday nouns, one word for one word."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import each_of, fill, rows

_ENGLISH = """
사과|apple
바나나|banana
포도|grape
오렌지|orange
딸기|strawberry
레몬|lemon
물|water
우유|milk
커피|coffee
빵|bread
쌀|rice
고기|meat
달걀|egg
소금|salt
설탕|sugar
개|dog
고양이|cat
새|bird
물고기|fish
말|horse
소|cow
돼지|pig
토끼|rabbit
호랑이|tiger
사자|lion
곰|bear
코끼리|elephant
원숭이|monkey
집|house
학교|school
병원|hospital
도서관|library
교회|church
공원|park
길|road
다리|bridge
책|book
연필|pencil
종이|paper
책상|desk
의자|chair
문|door
창문|window
열쇠|key
시계|clock
전화|phone
컴퓨터|computer
자동차|car
기차|train
비행기|airplane
배|ship
자전거|bicycle
해|sun
달|moon
별|star
하늘|sky
바다|sea
강|river
산|mountain
나무|tree
꽃|flower
비|rain
눈|snow
바람|wind
불|fire
돌|stone
사랑|love
친구|friend
가족|family
어머니|mother
아버지|father
형제|brother
선생님|teacher
학생|student
의사|doctor
이름|name
손|hand
머리|head
얼굴|face
코|nose
입|mouth
귀|ear
발|foot
마음|heart
시간|time
오늘|today
내일|tomorrow
어제|yesterday
아침|morning
밤|night
여름|summer
겨울|winter
빨간색|red
파란색|blue
노란색|yellow
초록색|green
검은색|black
하얀색|white
음악|music
영화|movie
노래|song
꿈|dream
평화|peace
행복|happiness
구름|cloud
"""


def items() -> Iterator[Item]:
    english = rows(_ENGLISH)
    for korean, foreign in english:
        yield _english(korean, foreign, tuple(row[1] for row in english))
        yield _korean(foreign, korean, tuple(row[0] for row in english))


def _english(korean: str, foreign: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "'{w}'{을/를} 영어로 뭐라고 하나요?",
        "'{w}'{을/를} 영어로 뭐라고 해요?",
        "'{w}'{을/를} 영어로 뭐라고 해?",
        "'{w}'{은/는} 영어로 무엇인가요?",
        "'{w}'{은/는} 영어로 뭐예요?",
        "'{w}'{은/는} 영어로 뭐야?",
        "'{w}'{을/를} 영어로 말해 주세요.",
        "'{w}'{을/를} 영어로 번역해 주세요.",
        "'{w}'{을/를} 영어로 어떻게 쓰나요?",
        "'{w}'{을/를} 영어로 바꿔 줘.",
        "{w}{을/를} 영어로 뭐라고 하나요?",
        "{w}{을/를} 영어로 뭐라고 해?",
        "{w}{은/는} 영어로 뭐예요?",
        "{w}{은/는} 영어로 뭐야?",
        "{w}{을/를} 영어로 알려줘.",
        "영어로 '{w}'{은/는} 뭐라고 하나요?",
        "영어로 '{w}'{은/는} 뭐야?",
        "영어로 {w}{이/가} 뭐예요?",
    )
    # No ending stands behind the English word: how it is read in Korean decides the particle, and letters do not tell.
    return Item(
        topic="영어 낱말",
        key=korean,
        asks=each_of(patterns, w=korean),
        polite=fill("'{w}'{은/는} 영어로 '{f}'입니다.", w=korean, f=foreign),
        context="영어 낱말은 소리 내어 읽으면 더 잘 외워집니다.",
        plain=f"{foreign}.",
        warm=fill("'{w}'{은/는} 영어로 이렇게 써요: {f}!", w=korean, f=foreign),
        back="다른 영어 낱말도 알려 드릴까요?",
        accepted=(foreign,),
        rivals=tuple(each for each in rivals if each != foreign),
        given=("다음 낱말을 영어로 쓰세요.", korean),
    )


def _korean(foreign: str, korean: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "'{w}'의 뜻은 무엇인가요?",
        "'{w}'의 뜻이 뭐예요?",
        "'{w}'의 뜻이 뭐야?",
        "'{w}'의 뜻을 알려 주세요.",
        "'{w}'의 우리말 뜻은 무엇인가요?",
        "영어 낱말 '{w}'의 뜻은 무엇인가요?",
        "영어 낱말 '{w}'의 뜻을 알려줘.",
        "영어 '{w}'의 뜻이 뭔가요?",
        "{w}의 뜻은 무엇인가요?",
        "{w}의 뜻이 뭐야?",
        "{w} 뜻 알려줘",
        "{w} 뜻이 뭐예요?",
    )
    return equation(
        topic="영어 뜻",
        key=foreign,
        asks=each_of(patterns, w=foreign),
        subject=f"'{foreign}'의 뜻",
        value=f"'{korean}'",
        context="영어 낱말은 문장과 함께 익히면 더 잘 외워집니다.",
        back="다른 낱말의 뜻도 알려 드릴까요?",
        accepted=(korean,),
        rivals=tuple(each for each in rivals if each != korean),
    )
