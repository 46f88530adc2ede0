"""Tables become items: what is not known is left out, every name is asked for, and a mistake in a table is refused."""

import pytest

from data.demo.table import items_in

_CAPITALS = """
[[table]]
columns = ["나라", "수도", "말"]
rows = '''
대한민국/한국 | 서울 | 한국어
인도 | 뉴델리 | -
'''
[[table.topic]]
topic = "수도"
key = "{나라}"
asks = ["{나라}의 수도는?", "{말}{을/를} 쓰는 나라의 수도는?"]
subject = "{나라}의 수도"
value = "{수도}"
context = ["{나라}에서는 {말}{을/를} 씁니다.", "{수도}{은/는} 도시입니다."]
back = "더 물어보시겠어요?"
rivals = "{수도}"

[[table.topic]]
topic = "말"
key = "{나라}"
asks = ["무엇? {나라}의 말"]
subject = "{나라}의 말"
value = "{말}"
context = "말은 여럿입니다."
back = "더 물어보시겠어요?"
"""


def test_rows_are_told_by_topic_and_every_name_is_asked_for() -> None:
    korea, language, india = items_in(_CAPITALS)

    assert [item.topic for item in (korea, language, india)] == ["수도", "말", "수도"]
    assert korea.asks[:2] == ("대한민국의 수도는?", "한국어를 쓰는 나라의 수도는?")
    assert "한국의 수도는?" in korea.asks
    assert (korea.polite, korea.warm) == ("대한민국의 수도는 서울입니다.", "대한민국의 수도는 서울이에요!")
    assert (korea.accepted, korea.rivals) == (("서울",), ("뉴델리",))
    assert "한국의 말은 무엇인가요?" in language.asks


def test_what_needs_an_unknown_cell_is_left_out() -> None:
    *_, india = items_in(_CAPITALS)

    assert india.asks == ("인도의 수도는?",)
    assert india.context == "뉴델리는 도시입니다."


def test_choices_in_brackets_are_spelled_out() -> None:
    talk = """
    [[table]]
    [[table.topic]]
    topic = "인사"
    key = "만남"
    asks = ["안녕(/!)", "(정말 /)(반가워/반갑네)"]
    polite = "반갑습니다."
    context = "어서 오세요."
    plain = "반갑다."
    warm = "반가워요!"
    back = "무엇을 도와드릴까요?"
    accepted = ["반갑"]
    """
    (item,) = items_in(talk)

    assert item.asks == ("안녕", "안녕!", "정말 반가워", "정말 반갑네", "반가워", "반갑네")


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [('back = "더', 'bakc = "더', TypeError), ("{나라}의 말", "{나라라}의 말", KeyError), ("| -", "", ValueError)],
)
def test_a_slip_in_a_table_is_an_error(right: str, wrong: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(items_in(_CAPITALS.replace(right, wrong)))
