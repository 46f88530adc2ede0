from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from kullm_tui.engine.reply_text import ReplyText
from tests.tiny_models import korean_tokenizer

KOREAN = "안녕하세요. 대한민국의 수도는 서울입니다 🙂 끝."


def pieces(text: str, *, stop: Sequence[str] = (), trim: bool = False) -> tuple[list[str], ReplyText]:
    tokenizer = korean_tokenizer()
    reply = ReplyText(lambda ids: str(tokenizer.decode(list(ids))), stop=stop, trim=trim)
    shown = [reply.feed(token) for token in tokenizer.encode(text).ids]
    return [*shown, reply.close()], reply


def test_every_piece_holds_whole_syllables_and_nothing_is_lost() -> None:
    shown, _ = pieces(KOREAN)
    assert "".join(shown) == KOREAN
    assert all("\ufffd" not in piece for piece in shown)


def test_text_goes_out_with_the_token_that_completes_a_syllable_not_with_the_next_space() -> None:
    shown, _ = pieces("대한민국의수도는서울입니다")
    assert len([piece for piece in shown if piece]) >= 6


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=40))
def test_pieces_add_up_to_the_text(text: str) -> None:
    shown, _ = pieces(text)
    assert "".join(shown) == text


def test_stop_string_is_cut_off_even_where_it_arrives_in_pieces() -> None:
    shown, reply = pieces("서울입니다.\n### 질문: 다음은?", stop=["###"])
    assert "".join(shown) == "서울입니다.\n"
    assert reply.stopped_by == "###"


def test_what_only_looks_like_a_stop_string_is_shown() -> None:
    shown, reply = pieces("제목 ## 소제목", stop=["###"])
    assert "".join(shown) == "제목 ## 소제목"
    assert reply.stopped_by is None


def test_earliest_of_several_stop_strings_wins() -> None:
    shown, _ = pieces("하나 둘 셋", stop=["셋", "둘"])
    assert "".join(shown) == "하나 "


@pytest.mark.parametrize(("text", "expected"), [("  서울 \n", "서울"), (" \n ", ""), ("가 나", "가 나")])
def test_a_trimmed_reply_has_no_white_space_at_its_edges(text: str, expected: str) -> None:
    shown, _ = pieces(text, trim=True)
    assert "".join(shown) == expected


def test_stray_bytes_of_the_model_itself_are_shown_as_the_whole_text_would_show_them() -> None:
    tokenizer = korean_tokenizer()
    reply = ReplyText(lambda ids: str(tokenizer.decode(list(ids))), stop=(), trim=False)
    broken = [token for text in ("가", "힣", "abc", "🙂") for token in tokenizer.encode(text).ids[:2]] * 2
    shown = "".join([reply.feed(token) for token in broken]) + reply.close()
    assert "\ufffd" in shown
    assert shown == tokenizer.decode(broken)


def test_bytes_of_a_sentencepiece_vocabulary_become_whole_syllables() -> None:
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"▁서울": 256, "입니다": 257}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<0x00>"))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    ids = [256, *"가나🙂".encode(), 257, *"힣".encode(), 256]
    reply = ReplyText(lambda some: str(tokenizer.decode(list(some))), stop=(), trim=False)
    shown = [reply.feed(token) for token in ids]
    assert "".join([*shown, reply.close()]) == "서울가나🙂입니다힣 서울"
    assert shown[1:4] == ["", "", "가"]
