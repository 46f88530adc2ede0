import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullm_tui.core.text import TerminalSafeStream, nfc, terminal_safe, terminal_safe_json
from tests.growth import growth

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")

# Pieces that attacks are made of, beside plain text.
hostile = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "\x1b",
                "\x1b[",
                "\x1b]",
                "\x1bP",
                "\x1b_",
                "\x1b\\",
                "\x9b",
                "\x9d",
                "\x90",
                "\x9c",
                "\x07",
                "\r",
                "\n",
                "\r\n",
            ]
            + ["31m", "0;", "2J", "?25l", "52;c;", "\u202e", "\u2066", "\x00", "\x08", "\x7f", " ", "a", "가", "🙂"]
        ),
        st.text(max_size=4),
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize(
    ("attack", "left"),
    [
        ("빨강 \x1b[31m글\x1b[0m", "빨강 글"),
        ("\x1b[2J\x1b[H지움", "지움"),
        ("\x1b]0;가짜 제목\x07본문", "본문"),
        ("\x1b]0;가짜 제목\x1b\\본문", "본문"),
        ("\x9d0;가짜 제목\x9c본문", "본문"),
        ("\x1b]52;c;ZWNobyBwd25lZA==\x07클립보드", "클립보드"),
        ("\x1b]8;;http://evil.example\x1b\\여기\x1b]8;;\x1b\\", "여기"),
        ("\x1bP$q\"p\x1b\\장치", "장치"),
        ("\x9b31m글", "글"),
        ("\x1b[?1049h\x1b[6n응답", "응답"),
        ("\x1bc초기화", "초기화"),
        ("\x1b(0글꼴", "글꼴"),
        ("rm -rf /\x08\x08\x08\x08", "rm -rf /"),
        ("진짜\r가짜", "진짜\n가짜"),
        ("줄\r\n줄", "줄\n줄"),
        ("코드 \u202etxt.exe\u202c", "코드 txt.exe"),
        ("탭\t과 줄\n은 남는다", "탭\t과 줄\n은 남는다"),
        ("\x1b]끝이 없는 제목", "끝이 없는 제목"),
        ("\x1b", ""),
        ("👩‍👩‍👧 한글 ㄱㅏ é", "👩‍👩‍👧 한글 ㄱㅏ é"),
    ],
)  # fmt: skip
def test_attacks_are_defused_and_the_text_stays(attack: str, left: str) -> None:
    assert terminal_safe(attack) == left


@given(hostile)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    safe = terminal_safe(text)
    assert not OBEYED.search(safe)
    assert terminal_safe(safe) == safe


@given(hostile, st.lists(st.integers(0, 200), max_size=6))
def test_pieces_come_out_like_the_whole(text: str, cuts: list[int]) -> None:
    stream = TerminalSafeStream()
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [stream.feed(text[start:end]) for start, end in zip(places, places[1:], strict=False)]
    assert "".join([*pieces, stream.close()]) == terminal_safe(text)


@given(hostile)
def test_letter_by_letter_comes_out_like_the_whole(text: str) -> None:
    stream = TerminalSafeStream()
    assert "".join([*map(stream.feed, text), stream.close()]) == terminal_safe(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_ordinary_text_is_never_held_back(text: str) -> None:
    assert TerminalSafeStream().feed(text) == text


def test_a_sequence_without_end_is_not_held_for_ever() -> None:
    stream = TerminalSafeStream()
    shown = stream.feed("\x1b]0;") + "".join(stream.feed("가" * 100) for _ in range(100))
    assert shown.count("가") >= 5000
    assert not OBEYED.search(shown + stream.close())


@pytest.mark.parametrize("opener", ["\x9d", "\x1b]", "\x1b[", "\x9b", "\x1b", "\x90x"])
def test_a_megabyte_of_openers_takes_no_longer_than_its_length_deserves(opener: str) -> None:
    def read(size: int) -> None:
        terminal_safe(opener * size)
        TerminalSafeStream().feed(opener * size)

    assert growth(read, 25_000) < 3


def test_text_is_composed() -> None:
    assert nfc("\u1112\u1161\u11ab") == "한"


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_means_the_same_and_holds_nothing_to_obey(value: object) -> None:
    line = terminal_safe_json(value)
    assert json.loads(line) == value
    assert not OBEYED.search(line)


def test_json_keeps_korean_readable_and_broken_characters_printable() -> None:
    assert terminal_safe_json({"text": "한글\x1b\x9b\ud800"}) == '{"text": "한글\\u001b\\u009b\\ud800"}'


MARKS = "\u0301\u0323\u0f73\u3099\u0651\U0001d165"


@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from(MARKS)), max_size=200))
def test_composing_changes_nothing_but_the_number_of_marks_over_one_letter(text: str) -> None:
    composed = nfc(text)

    assert (
        composed.replace("\u034f", "") == unicodedata.normalize("NFC", text).replace("\u034f", "")
        or "\u034f" in composed
    )
    assert nfc(composed) == composed


@pytest.mark.parametrize("mark", [*MARKS, MARKS])
def test_no_letter_keeps_so_many_marks_that_ordering_them_takes_long(mark: str) -> None:
    """Their order takes time quadratic in the length of a run, and holds up everybody."""
    decomposed = unicodedata.normalize("NFD", nfc("a" + mark * 200_000))

    run = longest = 0
    for character in decomposed:
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    assert longest <= 2 * 31, "a mark may itself be made of two"


def test_text_as_people_write_it_stays_as_it_is() -> None:
    for text in ("e\u0301" * 50, "각" * 100, "\u1112\u1161\u11ab" * 40, "🙂" * 60, "กำ" * 40, "z" + "\u0301" * 30):
        assert nfc(text) == unicodedata.normalize("NFC", text)
