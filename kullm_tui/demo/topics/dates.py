"""Days, months, seasons, holidays, and the clock of a year."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, rows, unique

_DAYS = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SEASONS = ("봄", "여름", "가을", "겨울")
_SPRING = 3
_HOLIDAYS = """
삼일절|3월 1일|1919년의 독립 만세 운동을 기념합니다.
어린이날|5월 5일|어린이가 바르고 씩씩하게 자라기를 바라는 날입니다.
어버이날|5월 8일|부모님께 감사하는 마음을 전하는 날입니다.
스승의 날|5월 15일|선생님께 감사하는 날입니다.
현충일|6월 6일|나라를 위해 목숨을 바친 분들을 기립니다.
제헌절|7월 17일|헌법을 널리 알린 것을 기념합니다.
광복절|8월 15일|나라를 되찾은 것을 기념합니다.
개천절|10월 3일|우리나라가 처음 세워진 것을 기념합니다.
한글날|10월 9일|한글을 널리 알린 것을 기념합니다.
성탄절|12월 25일|크리스마스라고도 부릅니다.
식목일|4월 5일|나무를 심고 가꾸는 날입니다.
새해 첫날|1월 1일|신정이라고도 부릅니다.
"""
_LUNAR = """
설날|음력 1월 1일|설날에는 떡국을 먹고 세배를 합니다.
추석|음력 8월 15일|추석에는 송편을 먹고 성묘를 합니다.
정월 대보름|음력 1월 15일|대보름에는 오곡밥을 먹고 부럼을 깨뭅니다.
단오|음력 5월 5일|단오에는 창포물에 머리를 감고 그네를 뜁니다.
"""
_FOODS = """
설날|떡국|설날은 음력 1월 1일입니다.
추석|송편|추석은 음력 8월 15일입니다.
정월 대보름|오곡밥|대보름은 음력 1월 15일입니다.
동지|팥죽|동지는 밤이 가장 긴 날입니다.
복날|삼계탕|복날은 한여름 무더위에 있습니다.
생일|미역국|미역국은 쇠고기와 함께 끓이기도 합니다.
"""


def items() -> Iterator[Item]:
    yield from _neighbours("요일", _DAYS, "일주일은 월요일부터 일요일까지 이어집니다.", "오늘은 무슨 요일인가요?")
    yield from _neighbours("계절", _SEASONS, "우리나라에는 봄, 여름, 가을, 겨울이 있습니다.", "어느 계절을 좋아하세요?")
    months = tuple(f"{month}월" for month in range(1, 13))
    yield from _neighbours("달", months, "한 해는 열두 달입니다.", "생일이 몇 월이세요?")
    for month, length in enumerate(_LENGTHS, start=1):
        yield _length(month, length)
        yield _season(month)
    for holiday, date, context in rows(_HOLIDAYS) + rows(_LUNAR):
        yield _holiday(holiday, date, context)
    for day, food, context in rows(_FOODS):
        yield _food(day, food, context)


def _neighbours(topic: str, ring: tuple[str, ...], context: str, back: str) -> Iterator[Item]:
    word = {"요일": ("요일", "날"), "계절": ("계절",), "달": ("달",)}[topic]
    for place, name in enumerate(ring):
        for side, value in (("다음", ring[(place + 1) % len(ring)]), ("바로 앞", ring[place - 1])):
            phrases = [f"{name} {side} {each}" for each in word]
            more = each_of(
                (
                    "{n} {s}에 오는 {w}은 무엇인가요?",
                    "{n} {s}에 오는 {w}은 뭐예요?",
                    "{n} {s}에는 무엇이 오나요?",
                    "{n} {s}에는 뭐가 와?",
                ),
                n=name,
                s=side,
                w=word[0],
            )
            yield equation(
                topic="요일과 달과 계절",
                key=f"{name} {side}",
                asks=unique(*ask_about(*phrases), *more),
                subject=phrases[0],
                value=value,
                context=context,
                back=back,
                rivals=tuple(each for each in ring if each != name),
            )


def _length(month: int, length: int) -> Item:
    patterns = (
        "{m}월은 며칠까지 있나요?",
        "{m}월은 며칠까지 있어요?",
        "{m}월은 며칠까지 있어?",
        "{m}월은 며칠까지인가요?",
        "{m}월은 며칠까지야?",
        "{m}월의 날수는 얼마인가요?",
        "{m}월의 마지막 날은 며칠인가요?",
        "{m}월의 마지막 날은 며칠이에요?",
        "{m}월의 마지막 날은 며칠이야?",
        "{m}월의 마지막 날을 알려 주세요.",
        "{m}월의 마지막 날을 알려줘.",
        "{m}월이 며칠까지 있는지 알려 주세요.",
        "{m}월이 며칠까지 있는지 알려줘.",
        "{m}월이 며칠까지 있는지 아세요?",
    )
    leap = "윤년에는 2월이 29일까지 있습니다." if month == 2 else "달마다 날수가 조금씩 다릅니다."
    return Item(
        topic="날수",
        key=f"{month}월",
        asks=each_of(patterns, m=month),
        polite=f"{month}월은 {length}일까지 있습니다.",
        context=leap,
        plain=f"{length}일까지 있다.",
        warm=f"{month}월은 {length}일까지 있어요!",
        back="다른 달도 궁금하세요?",
        accepted=(f"{length}일",),
        rivals=tuple(f"{each}일" for each in (28, 30, 31) if each != length),
    )


def _season(month: int) -> Item:
    season = _SEASONS[(month - _SPRING) % 12 // 3]
    patterns = (
        "{m}월은 무슨 계절인가요?",
        "{m}월은 무슨 계절이에요?",
        "{m}월은 무슨 계절이야?",
        "{m}월은 어느 계절인가요?",
        "{m}월은 어느 계절이에요?",
        "{m}월은 어느 계절이야?",
        "{m}월은 어느 계절에 속하나요?",
        "{m}월은 어느 계절에 속해?",
        "{m}월의 계절은 무엇인가요?",
        "{m}월의 계절을 알려 주세요.",
        "{m}월의 계절은 뭐야?",
        "우리나라에서 {m}월은 무슨 계절인가요?",
        "우리나라에서 {m}월은 무슨 계절이야?",
    )
    feel = {
        "봄": "봄에는 꽃이 핍니다.",
        "여름": "여름에는 날이 덥습니다.",
        "가을": "가을에는 단풍이 듭니다.",
        "겨울": "겨울에는 눈이 옵니다.",
    }
    return equation(
        topic="달의 계절",
        key=f"{month}월",
        asks=each_of(patterns, m=month),
        subject=f"{month}월",
        value=season,
        context=feel[season],
        back="어느 계절을 좋아하세요?",
        rivals=_SEASONS,
    )


def _holiday(holiday: str, date: str, context: str) -> Item:
    patterns = (
        "{h}{은/는} 몇 월 며칠인가요?",
        "{h}{은/는} 몇 월 며칠이에요?",
        "{h}{은/는} 몇 월 며칠이야?",
        "{h}{은/는} 며칠인가요?",
        "{h} 날짜를 알려 주세요.",
        "{h} 날짜 알려줘",
    )
    return equation(
        topic="기념일",
        key=holiday,
        asks=unique(*ask_about(holiday, f"{holiday} 날짜", word="언제"), *each_of(patterns, h=holiday)),
        subject=holiday,
        value=date,
        context=context,
        back="다른 기념일도 알려 드릴까요?",
        rivals=tuple(row[1] for row in rows(_HOLIDAYS) if row[1] != date),
    )


def _food(day: str, food: str, context: str) -> Item:
    patterns = (
        "{d}에 먹는 음식은 무엇인가요?",
        "{d}에 먹는 음식은 뭐예요?",
        "{d}에 먹는 음식은 뭐야?",
        "{d}에는 무엇을 먹나요?",
        "{d}에는 뭘 먹어요?",
        "{d}에는 뭘 먹어?",
        "{d}에 먹는 음식을 알려 주세요.",
        "{d}에 먹는 음식 알려줘",
        "{d}의 대표 음식은 무엇인가요?",
        "{d}의 대표 음식은 뭐야?",
        "{d}에 무엇을 먹는지 알려 주세요.",
        "{d}에 뭘 먹는지 궁금해요.",
    )
    return equation(
        topic="명절 음식",
        key=day,
        asks=each_of(patterns, d=day),
        subject=f"{day}에 먹는 음식",
        value=food,
        context=context,
        back="그 음식을 좋아하세요?",
        rivals=tuple(row[1] for row in rows(_FOODS)),
    )
