"""Bold where Korean writers put it, and nowhere else."""

import pytest
from markdown_it.token import Token

from kullm_tui.ui.markdown.parser import parse

_SIGNS = {
    "strong_open": "<b>",
    "strong_close": "</b>",
    "em_open": "<i>",
    "em_close": "</i>",
    "s_open": "<s>",
    "s_close": "</s>",
    "softbreak": "\n",
}


def _signed(source: str) -> str:
    """The words of a paragraph, with what leans and what is bold."""
    tokens: list[Token] = [child for token in parse(source) for child in token.children or []]
    return "".join(_SIGNS.get(token.type, token.content) for token in tokens)


@pytest.mark.parametrize(
    ("source", "signed"),
    [
        ("**한국어**는 쉬워요", "<b>한국어</b>는 쉬워요"),
        ("**한국어(Korean)**는 언어예요", "<b>한국어(Korean)</b>는 언어예요"),
        ("**제목:**내용", "<b>제목:</b>내용"),
        ('**"인용"**을 했다', '<b>"인용"</b>을 했다'),
        ("**‘작은따옴표’**라고", "<b>‘작은따옴표’</b>라고"),
        ("**“서울”**의 봄", "<b>“서울”</b>의 봄"),
        ('그는**"인용"**이라고', '그는<b>"인용"</b>이라고'),
        ("값은**(1)**입니다", "값은<b>(1)</b>입니다"),
        ("이유:**내용**입니다", "이유:<b>내용</b>입니다"),
        ("**50%**를 넘어요", "<b>50%</b>를 넘어요"),
        ("**$5**를 내요", "<b>$5</b>를 내요"),
        ("**『책』**은", "<b>『책』</b>은"),
        ("**「시」**와 **《소설》**을", "<b>「시」</b>와 <b>《소설》</b>을"),
        ("**`code`**는 코드", "<b>code</b>는 코드"),
        ("**굵게**(괄호)**다음**은", "<b>굵게</b>(괄호)<b>다음</b>은"),
        ("*기울임(이탤릭)*은", "<i>기울임(이탤릭)</i>은"),
        ("***둘 다(both)***를", "<i><b>둘 다(both)</b></i>를"),
        ("~~취소(선)~~은", "<s>취소(선)</s>은"),
        ("**A.**질문 **B.**답", "<b>A.</b>질문 <b>B.</b>답"),
        ('**"가"**와 **"나"**를', '<b>"가"</b>와 <b>"나"</b>를'),
        ("**끝!**그리고 **정말?**이라고", "<b>끝!</b>그리고 <b>정말?</b>이라고"),
        ("**1) 첫째**둘째", "<b>1) 첫째</b>둘째"),
        ("**서울**(Seoul)은 **수도**예요", "<b>서울</b>(Seoul)은 <b>수도</b>예요"),
        ("**주의**: 없음", "<b>주의</b>: 없음"),
        ("**🎉**는 축하", "<b>🎉</b>는 축하"),
        ("**①**은 처음", "<b>①</b>은 처음"),
        ("**大韓民國(대한민국)**은", "<b>大韓民國(대한민국)</b>은"),
        ("**Python**은 **Python**3", "<b>Python</b>은 <b>Python</b>3"),
        ("**[이름](https://kullm.kr)**을", "<b>이름</b>을"),
        ("**가나…**라고", "<b>가나…</b>라고"),
        ("**C++**로 **C#**을", "<b>C++</b>로 <b>C#</b>을"),
        ("**여러\n줄(둘)**의", "<b>여러\n줄(둘)</b>의"),
    ],
)
def test_bold_beside_a_particle_is_bold(source: str, signed: str) -> None:
    assert _signed(source) == signed


@pytest.mark.parametrize(
    "source",
    [
        "2 ** 3은 8이에요",
        "a**b",
        "2**10과 2**20",
        "x*y*z",
        "2*3*4 = 24",
        "snake_case_name과 다른_변수_이름",
        "한국어_변수_는",
        "** 띄어 쓴 것 **은",
        "별 하나 * 둘 * 셋",
        "**닫히지 않음",
        "5 * 3 = 15, 2 * 2 = 4",
        "f(*args, **kwargs)",
    ],
)
def test_what_is_no_emphasis_stays_literal(source: str) -> None:
    assert _signed(source) == source


@pytest.mark.parametrize(
    "source", ["<b>굵게</b>", "<script>alert(1)</script>", "앞 <!-- 말 --> 뒤", "<div>\n속\n</div>"]
)
def test_html_is_shown_as_it_was_written(source: str) -> None:
    assert _signed(source) == source


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:secret.txt", "vbscript:x", "data:text/html,x"])
def test_an_address_that_would_run_makes_no_link(address: str) -> None:
    assert _signed(f"[눌러요]({address})") == f"[눌러요]({address})"


def test_a_bare_address_is_text() -> None:
    types = [child.type for token in parse("보세요 https://example.com 여기") for child in token.children or []]
    assert types == ["text"]
