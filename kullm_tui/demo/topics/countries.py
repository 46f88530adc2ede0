"""Countries: capital, continent, official language, currency. A dash stands where there are several or it is disputed."""

from collections.abc import Iterator

from kullm_tui.demo.item import Item, equation
from kullm_tui.demo.wording import ask_about, each_of, fill, rows, unique

_TABLE = """
대한민국|서울|아시아|한국어|원
일본|도쿄|아시아|일본어|엔
중국|베이징|아시아|중국어|위안
몽골|울란바토르|아시아|몽골어|투그릭
베트남|하노이|아시아|베트남어|동
태국|방콕|아시아|태국어|밧
라오스|비엔티안|아시아|라오어|킵
캄보디아|프놈펜|아시아|크메르어|리엘
미얀마|네피도|아시아|미얀마어|짯
말레이시아|쿠알라룸푸르|아시아|말레이어|링깃
필리핀|마닐라|아시아|-|페소
인도|뉴델리|아시아|-|루피
파키스탄|이슬라마바드|아시아|-|루피
네팔|카트만두|아시아|네팔어|루피
방글라데시|다카|아시아|벵골어|타카
이란|테헤란|아시아|페르시아어|리알
이라크|바그다드|아시아|-|디나르
사우디아라비아|리야드|아시아|아랍어|리얄
튀르키예|앙카라|-|튀르키예어|리라
요르단|암만|아시아|아랍어|디나르
카타르|도하|아시아|아랍어|리얄
아랍에미리트|아부다비|아시아|아랍어|디르함
우즈베키스탄|타슈켄트|아시아|우즈베크어|숨
카자흐스탄|아스타나|아시아|-|텡게
영국|런던|유럽|영어|파운드
프랑스|파리|유럽|프랑스어|유로
독일|베를린|유럽|독일어|유로
이탈리아|로마|유럽|이탈리아어|유로
스페인|마드리드|유럽|스페인어|유로
포르투갈|리스본|유럽|포르투갈어|유로
네덜란드|암스테르담|유럽|네덜란드어|유로
벨기에|브뤼셀|유럽|-|유로
스위스|베른|유럽|-|프랑
오스트리아|빈|유럽|독일어|유로
그리스|아테네|유럽|그리스어|유로
스웨덴|스톡홀름|유럽|스웨덴어|크로나
노르웨이|오슬로|유럽|노르웨이어|크로네
덴마크|코펜하겐|유럽|덴마크어|크로네
핀란드|헬싱키|유럽|-|유로
아이슬란드|레이캬비크|유럽|아이슬란드어|크로나
아일랜드|더블린|유럽|-|유로
폴란드|바르샤바|유럽|폴란드어|즈워티
체코|프라하|유럽|체코어|코루나
헝가리|부다페스트|유럽|헝가리어|포린트
루마니아|부쿠레슈티|유럽|루마니아어|레우
불가리아|소피아|유럽|불가리아어|-
우크라이나|키이우|유럽|우크라이나어|흐리우냐
러시아|모스크바|-|러시아어|루블
크로아티아|자그레브|유럽|크로아티아어|유로
미국|워싱턴|북아메리카|영어|달러
캐나다|오타와|북아메리카|-|달러
멕시코|멕시코시티|북아메리카|스페인어|페소
쿠바|아바나|북아메리카|스페인어|페소
브라질|브라질리아|남아메리카|포르투갈어|헤알
아르헨티나|부에노스아이레스|남아메리카|스페인어|페소
칠레|산티아고|남아메리카|스페인어|페소
페루|리마|남아메리카|-|솔
콜롬비아|보고타|남아메리카|스페인어|페소
우루과이|몬테비데오|남아메리카|스페인어|페소
이집트|카이로|아프리카|아랍어|파운드
케냐|나이로비|아프리카|-|실링
에티오피아|아디스아바바|아프리카|-|비르
가나|아크라|아프리카|영어|세디
나이지리아|아부자|아프리카|영어|나이라
세네갈|다카르|아프리카|프랑스어|-
모로코|라바트|아프리카|-|디르함
튀니지|튀니스|아프리카|아랍어|디나르
호주|캔버라|오세아니아|영어|달러
뉴질랜드|웰링턴|오세아니아|-|달러
"""
_NONE = "-"
_CALLED = {
    "대한민국": ("대한민국", "한국", "우리나라"),
    "호주": ("호주", "오스트레일리아"),
    "튀르키예": ("튀르키예", "터키"),
}


def items() -> Iterator[Item]:
    table = rows(_TABLE)
    rivals = [tuple(dict.fromkeys(row[column] for row in table if row[column] != _NONE)) for column in range(5)]
    for country, capital, continent, language, currency in table:
        yield _capital(country, capital, continent, rivals[1])
        if continent != _NONE:
            yield _continent(country, capital, continent, rivals[2])
        if language != _NONE:
            yield _language(country, language, rivals[3])
        if currency != _NONE:
            yield _currency(country, currency, rivals[4])


def _names(country: str) -> tuple[str, ...]:
    return _CALLED.get(country, (country,))


def _carry(country: str) -> str:
    return fill("그럼 {n}{은/는}요?", n=country)


def _capital(country: str, capital: str, continent: str, rivals: tuple[str, ...]) -> Item:
    phrases = [f"{name}{joint}" for name in _names(country) for joint in ("의 수도", " 수도")]
    asks = [
        each_of(("{n}{은/는} 수도가 어디인가요?", "{n} 수도 어디야?", "{n}의 수도 이름이 뭐예요?"), n=n)
        for n in _names(country)
    ]
    return equation(
        topic="수도",
        key=country,
        asks=unique(*ask_about(*phrases, word="어디"), *sum(asks, ())),
        subject=f"{country}의 수도",
        value=capital,
        context=fill("{n}{은/는} {c}에 있는 나라입니다.", n=country, c=continent)
        if continent != _NONE
        else fill("{c}{은/는} {n}의 중심이 되는 도시입니다.", n=country, c=capital),
        back="다른 나라의 수도도 알려 드릴까요?",
        rivals=rivals,
        carry=_carry(country),
        given=("다음 나라의 수도를 쓰세요.", country),
    )


def _continent(country: str, capital: str, continent: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}{은/는} 어느 대륙에 있나요?",
        "{n}{은/는} 어느 대륙에 있어요?",
        "{n}{은/는} 어느 대륙에 있어?",
        "{n}{은/는} 어느 대륙에 있습니까?",
        "{n}{은/는} 어느 대륙에 속하나요?",
        "{n}{은/는} 어느 대륙의 나라인가요?",
        "{n}{은/는} 어느 대륙 나라야?",
        "{n}{이/가} 있는 대륙은 어디인가요?",
        "{n}{이/가} 있는 대륙은 어디야?",
        "{n}{이/가} 있는 대륙을 알려 주세요.",
        "{n}{이/가} 있는 대륙을 알려줘.",
        "{n}{이/가} 속한 대륙은 어디인가요?",
        "{n}{이/가} 속한 대륙은 어디예요?",
        "{n}{이/가} 속한 대륙을 말해 주세요.",
        "{n}{이/가} 어느 대륙에 있는지 알려 주세요.",
        "{n}{이/가} 어느 대륙에 있는지 알려줘.",
        "{n}{이/가} 어느 대륙에 있는지 아세요?",
        "{n}{은/는} 무슨 대륙에 있어요?",
        "{n}{은/는} 무슨 대륙에 있어?",
    )
    return Item(
        topic="대륙",
        key=country,
        asks=unique(*(ask for name in _names(country) for ask in each_of(patterns, n=name))),
        polite=fill("{n}{은/는} {c}에 있습니다.", n=country, c=continent),
        context=f"{country}의 수도는 {capital}입니다.",
        plain=fill("{c}에 있다.", c=continent),
        warm=fill("{n}{은/는} {c}에 있어요!", n=country, c=continent),
        back="또 어느 나라가 궁금하세요?",
        accepted=(continent,),
        rivals=tuple(each for each in rivals if each != continent),
        carry=_carry(country),
    )


def _language(country: str, language: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}에서는 어떤 말을 쓰나요?",
        "{n}에서는 어느 나라 말을 써요?",
        "{n}에서는 무슨 말을 써?",
        "{n}에서는 무슨 언어를 쓰나요?",
        "{n} 사람들은 무슨 말을 하나요?",
        "{n} 사람들은 어떤 언어를 써요?",
        "{n} 사람들은 무슨 말을 써?",
        "{n}에서 쓰는 말은 무엇인가요?",
        "{n}에서 쓰는 언어는 뭐야?",
        "{n}에서 쓰는 언어를 알려 주세요.",
    )
    phrases = [f"{name}의 공용어" for name in _names(country)]
    asks = [ask for name in _names(country) for ask in each_of(patterns, n=name)]
    return equation(
        topic="언어",
        key=country,
        asks=unique(*ask_about(*phrases), *asks),
        subject=f"{country}의 공용어",
        value=language,
        context=fill("{n} 사람들은 주로 {l}{을/를} 씁니다.", n=country, l=language),
        back="다른 나라 말도 궁금하세요?",
        rivals=rivals,
        carry=_carry(country),
    )


def _currency(country: str, currency: str, rivals: tuple[str, ...]) -> Item:
    patterns = (
        "{n}에서는 어떤 돈을 쓰나요?",
        "{n}에서는 무슨 돈을 써요?",
        "{n}에서는 무슨 돈을 써?",
        "{n}에서 쓰는 돈은 무엇인가요?",
        "{n}에서 쓰는 돈은 뭐야?",
        "{n}에서 쓰는 화폐를 알려 주세요.",
        "{n} 돈의 단위는 무엇인가요?",
        "{n} 돈의 단위는 뭐예요?",
        "{n} 돈 단위가 뭐야?",
    )
    phrases = [fill(phrase, n=name) for name in _names(country) for phrase in ("{n}의 화폐", "{n}의 화폐 단위")]
    asks = [ask for name in _names(country) for ask in each_of(patterns, n=name)]
    return equation(
        topic="화폐",
        key=country,
        asks=unique(*ask_about(*phrases), *asks),
        subject=f"{country}의 화폐",
        value=currency,
        context=fill("{n}에서는 물건값을 {c}{으로/로} 냅니다.", n=country, c=currency),
        back="여행을 준비하고 계세요?",
        rivals=rivals,
        carry=_carry(country),
    )
