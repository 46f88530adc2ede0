"""What is worked out beside the columns: rounds, differences, who is compared, questions of a file, the drawn ratings."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluator.ratings import Comparison, Rating, bradley_terry
from kullm_tui.core.errors import KullmError
from kullm_tui.core.records import Message, Role
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.store.history import State, Turn
from kullm_tui.ui.compare import lineup
from kullm_tui.ui.compare.lineup import Lineup
from kullm_tui.ui.compare.question_file import read_questions
from kullm_tui.ui.compare.ratings_table import Ratings, summary, table
from kullm_tui.ui.compare.rounds import last_round
from kullm_tui.ui.compare.text import differences, speeds

PLUS = Contestant("c++-chat")
LONG = Contestant("polyglot-ko-5.8b", "kullm-2024-korean")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")


def turn(
    identity: int, role: Role, content: str, *, state: State = "complete", ms: float = 1000.0, rate: float = 30.0
) -> Turn:
    timings = {"client_total_ms": ms, "tokens_per_second": rate} if role == "assistant" else {}
    return Turn(
        identity, None, role, content, "", 0.0, state, None, None, None, None, {}, None, None, None, timings, (identity,)
    )  # fmt: skip


def column(start: int, *words: str) -> list[Turn]:
    """Questions and replies in turn."""
    roles: Sequence[Role] = ("user", "assistant")
    return [turn(start + place, roles[place % 2], word) for place, word in enumerate(words)]


def test_the_round_is_the_last_question_that_several_were_asked() -> None:
    found = last_round([column(10, "하나", "가", "둘", "나"), column(20, "하나", "다", "둘", "라")])
    assert found
    assert found.question.content == "둘"
    assert [one.id for one in found.replies if one] == [13, 23]


def test_a_follow_up_to_one_column_is_no_round() -> None:
    found = last_round([column(10, "하나", "가", "너만", "나"), column(20, "하나", "다")])
    assert found
    assert found.question.content == "하나"
    assert [one.id for one in found.replies if one] == [11, 21]


def test_a_column_that_was_not_asked_has_no_reply_in_the_round() -> None:
    found = last_round([column(10, "하나", "가"), column(20, "하나"), []])
    assert found
    assert [one.id if one else None for one in found.replies] == [11, None, None]
    assert not found.can_be_voted_on


def test_nothing_shared_is_no_round() -> None:
    assert last_round([column(10, "하나", "가"), column(20, "둘", "나")]) is None
    assert last_round([[], []]) is None


def test_what_failed_or_is_empty_does_not_compete() -> None:
    replies = [turn(1, "assistant", "가"), turn(2, "assistant", "반", state="failed"), turn(3, "assistant", " ")]
    found = last_round([[turn(10 + one.id, "user", "물음"), one] for one in replies])
    assert found
    assert [one.id if one else None for one in found.competing] == [1, None, None]


def test_differences_are_told_against_the_shortest_and_the_quickest() -> None:
    replies = [turn(1, "assistant", "가" * 93, ms=800), turn(2, "assistant", "나" * 128, ms=1200), None]
    assert differences(replies) == ["93자 · 0.8초", "128자 +35 · 1.2초 +0.4초", "묻지 않음"]


def test_a_stopped_reply_says_so_first() -> None:
    assert differences([turn(1, "assistant", "가나", state="cancelled", ms=500)]) == ["중단됨 · 2자 · 0.5초"]


def test_speeds_are_told_beside_the_fastest() -> None:
    replies = [turn(1, "assistant", "가", rate=40), turn(2, "assistant", "나", rate=20), None]
    assert speeds(replies) == ["40 tok/s", "20 tok/s ×0.5", ""]


# -- who is compared ---------------------------------------------------------------------------------------------------


def test_the_lineup_is_kept_and_what_is_broken_is_no_lineup(tmp_path: Path) -> None:
    assert lineup.last_lineup() is None
    kept = Lineup((Contestant("a"), Contestant("b", "mine")), blind=True, in_step=False)
    lineup.remember(kept)
    assert lineup.last_lineup() == kept
    file = next(tmp_path.rglob("compare.json"))
    for broken in ("{", "[]", '{"contestants": [{"model": "a", "adapter": ""}]}', '{"contestants": [3, null]}'):
        file.write_text(broken)
        assert lineup.last_lineup() is None


def test_a_fifth_contestant_does_not_fit() -> None:
    full = Lineup(tuple(Contestant(name) for name in "abcd"))
    assert full.toggled(Contestant("e")) == full
    assert full.toggled(Contestant("a")).contestants == tuple(Contestant(name) for name in "bcd")
    assert not Lineup((Contestant("a"),)).is_whole


# -- questions of a file -----------------------------------------------------------------------------------------------


def test_a_text_file_has_a_question_a_line() -> None:
    run = read_questions("첫째?\n\n 둘째? \r\n", "물음.txt")
    assert [one.content for one in run.questions] == ["첫째?", "둘째?"]
    assert run.told == "물음.txt 1/2"
    assert run.moved_on().is_last


def test_questions_with_a_vote_are_not_asked_again() -> None:
    run = read_questions("하나\n둘\n셋\n넷\n", "물음.txt")
    later = run.resumed({Message("user", "하나"), Message("user", "셋")})
    assert (later.question.content, later.voted) == ("둘", 2)
    assert later.moved_on().question.content == "넷"
    assert later.moved_on().is_last
    assert run.resumed(set(run.questions)) == run, "all of them voted on: once more from the beginning"


@pytest.mark.parametrize(
    "line",
    [
        '{"instruction": "요약해 줘", "input": "긴 글"}',
        '{"prompt": "요약해 줘", "input": "긴 글"}',
        '{"id": "x", "instruction": "요약해 줘", "instances": [{"input": "긴 글", "output": "답"}]}',
    ],
)
def test_json_lines_are_read_in_every_form(line: str) -> None:
    (question,) = read_questions(line, "a.jsonl").questions
    assert (question.content, question.input) == ("요약해 줘", "긴 글")


@pytest.mark.parametrize("text", ["", "\n \n", '{"id": 1}', "{broken"])
def test_a_file_without_questions_is_refused(text: str) -> None:
    with pytest.raises(KullmError, match="a.jsonl"):
        read_questions(text, "a.jsonl")


def test_what_a_terminal_would_obey_is_no_part_of_a_question() -> None:
    (question,) = read_questions("안\x1b]52;c;QQ==\x07녕", "a.txt").questions
    assert question.content == "안녕"


# -- ratings -----------------------------------------------------------------------------------------------------------


def _ratings(rows: Sequence[Rating], *, votes: int) -> Ratings:
    known = [Contestant("a"), Contestant("b"), Contestant("demo-kullm"), Contestant("a", "mine"), PLUS, LONG]
    return Ratings(rows, votes, blind=0, ties=0, bad=0, contestants={one.label: one for one in known})


def test_a_model_whose_own_name_has_a_plus_is_called_by_all_of_it() -> None:
    ratings = _ratings(bradley_terry([Comparison(PLUS.label, "a", "left", 1)]), votes=1)
    assert " c++-chat " in table(ratings, {}, 100).plain


def test_a_model_with_an_adapter_is_read_to_its_end_where_there_is_room() -> None:
    ratings = _ratings(bradley_terry([Comparison(LONG.label, "a", "left", 1)] * 12), votes=12)
    name = "polyglot-ko-5.8b + kullm-2024-korean"
    for width in (75, 100):
        assert name in table(ratings, {}, width).plain
        assert all(line.cell_length <= width for line in table(ratings, {}, width).split("\n"))
    assert "●" in table(ratings, {}, 100).plain


def test_intervals_are_drawn_on_one_scale_inside_the_width() -> None:
    duels = [Comparison("demo-kullm", "a+mine", "left")] * 6 + [Comparison("demo-kullm", "a+mine", "tie")] * 2
    ratings = _ratings(bradley_terry(duels), votes=12)
    shown = table(ratings, {"demo-kullm": "구름 데모"}, 100)
    head, first, second = shown.split("\n")
    assert "구름 데모" in first.plain
    assert "a + mine" in second.plain
    assert all(line.cell_length <= 100 for line in (head, first, second))
    assert first.plain.count("●") == second.plain.count("●") == 1
    assert first.plain.index("●") > second.plain.index("●")
    assert "●" not in table(ratings, {}, 70).plain, "too narrow to draw"


def test_a_few_votes_have_points_and_no_interval() -> None:
    ratings = _ratings(bradley_terry([Comparison("a", "b", "left", 1)]), votes=1)
    shown = table(ratings, {}, 100).plain
    assert "?" in shown
    assert "–" not in shown
    assert summary(ratings).endswith("\n표가 10개는 모여야 구간을 말할 수 있어요.")
