"""Words against words: antonyms and honorifics."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, rows, unique

# Each pair is asked from both sides; no word stands in two pairs.
_OPPOSITES = """
크다|작다
많다|적다
높다|낮다
길다|짧다
넓다|좁다
깊다|얕다
무겁다|가볍다
빠르다|느리다
덥다|춥다
뜨겁다|차갑다
밝다|어둡다
강하다|약하다
굵다|가늘다
두껍다|얇다
가깝다|멀다
쉽다|어렵다
좋다|나쁘다
같다|다르다
새롭다|낡다
깨끗하다|더럽다
부지런하다|게으르다
기쁘다|슬프다
시끄럽다|조용하다
열다|닫다
켜다|끄다
사다|팔다
주다|받다
가다|오다
앉다|서다
웃다|울다
이기다|지다
오르다|내리다
밀다|당기다
시작하다|끝나다
태어나다|죽다
늘다|줄다
얻다|잃다
묻다|대답하다
만나다|헤어지다
위|아래
앞|뒤
안|밖
왼쪽|오른쪽
낮|밤
아침|저녁
하늘|땅
남자|여자
어른|아이
부모|자식
처음|끝
입구|출구
질문|답
성공|실패
찬성|반대
행복|불행
전쟁|평화
과거|미래
수입|수출
증가|감소
최고|최저
동쪽|서쪽
남쪽|북쪽
진짜|가짜
친구|적
공격|수비
더하기|빼기
겉|속
손님|주인
여름|겨울
장점|단점
희망|절망
합격|불합격
출발|도착
직선|곡선
"""
_HONORIFICS = """
밥|진지
나이|연세
이름|성함
말|말씀
집|댁
생일|생신
먹다|드시다
자다|주무시다
있다|계시다
아프다|편찮으시다
죽다|돌아가시다
주다|드리다
묻다|여쭈다
데리다|모시다
만나다|뵙다
"""


def items() -> Iterator[Item]:
    pairs = rows(_OPPOSITES)
    everyone = tuple(word for pair in pairs for word in pair)
    for one, other in pairs:
        yield _opposite(one, other, everyone)
        yield _opposite(other, one, everyone)
    honorifics = rows(_HONORIFICS)
    for usual, high in honorifics:
        yield _honorific(usual, high, tuple(row[1] for row in honorifics))


def _opposite(word: str, opposite: str, rivals: tuple[str, ...]) -> Item:
    phrases = [f"'{word}'의 반대말", f"{word}의 반대말", f"'{word}' 반대말"]
    patterns = (
        "'{w}'{과/와} 반대되는 말은 무엇인가요?",
        "'{w}'{과/와} 뜻이 반대인 낱말은 무엇인가요?",
        "'{w}'{과/와} 뜻이 반대인 낱말은 뭐야?",
    )
    return equation(
        topic="반대말",
        key=word,
        asks=unique(*ask_about(*phrases), *each_of(patterns, w=word)),
        subject=f"'{word}'의 반대말",
        value=f"'{opposite}'",
        context="두 낱말은 서로 반대되는 뜻을 가지고 있습니다.",
        back="다른 낱말의 반대말도 알려 드릴까요?",
        accepted=(opposite,),
        rivals=tuple(each for each in rivals if each not in (word, opposite)),
        given=("다음 낱말의 반대말을 쓰세요.", word),
    )


def _honorific(usual: str, high: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "'{w}'{을/를} 높임말로 뭐라고 하나요?",
        "'{w}'{을/를} 높임말로 뭐라고 해?",
        "'{w}'{을/를} 높임말로 바꿔 주세요.",
        "'{w}'{을/를} 높여서 말하면 뭐예요?",
    )
    return equation(
        topic="높임말",
        key=usual,
        asks=unique(*ask_about(f"'{usual}'의 높임말", f"{usual}의 높임말"), *each_of(patterns, w=usual)),
        subject=f"'{usual}'의 높임말",
        value=f"'{high}'",
        context="높임말은 웃어른께 쓰는 말입니다.",
        back="다른 높임말도 알려 드릴까요?",
        accepted=(high,),
        rivals=tuple(each for each in rivals if each != high),
    )
