"""No text takes fewer tokens than its length says: otherwise something that fits would be refused."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from kullm_tui.core.models.resolve import Profile
from kullm_tui.core.records import Message
from kullm_tui.core.text import nfc
from kullm_tui.engine.token_lengths import longest_token
from kullm_tui.engine.vocabulary import Vocabulary
from tests.tiny_models import korean_tokenizer, save_model

TEXT = ["구름은 하늘에 떠 있다. 비가 온다.", "a cloud in the sky", "       indented", "==========", "한글 한글"] * 9


def byte_fallback() -> Tokenizer:
    """Llama's kind: SentencePiece's BPE, with bytes for what it does not know."""
    names = [
        *[f"<0x{byte:02X}>" for byte in range(256)],
        "<unk>",
        "\u2581",
        "구",
        "름",
        "구름",
        "\u2581구름",
        "a",
        "aa",
        "aaaa",
    ]
    merges = [("구", "름"), ("\u2581", "구름"), ("a", "a"), ("aa", "aa")]
    tokenizer = Tokenizer(
        models.BPE(
            {name: place for place, name in enumerate(names)},
            merges,
            byte_fallback=True,
            unk_token="<unk>",
            fuse_unk=True,
        )
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    return tokenizer


def normalised() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    )
    return tokenizer


def words() -> Tokenizer:
    """White space is nothing to it, and an unknown word is one token however long it is."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "구름은": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


KEEPING = {"bytes": korean_tokenizer(), "fallback": byte_fallback(), "normalised": normalised()}


@pytest.mark.parametrize("kind", KEEPING)
@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text("구름 a가=\u1100\u1161\uffc2\uffa1\n\u0301", max_size=200))
def test_no_text_takes_fewer_tokens_than_its_length_says(kind: str, text: str) -> None:
    tokenizer, said = KEEPING[kind], nfc(text)
    assert len(said) <= len(tokenizer.encode(said).ids) * longest_token(tokenizer)


def test_the_bound_is_the_longest_entry_and_no_more() -> None:
    assert longest_token(KEEPING["fallback"]) == len("<0x00>")
    assert longest_token(korean_tokenizer()) == max(map(len, korean_tokenizer().get_vocab()))


def test_one_that_leaves_characters_out_has_a_wide_bound() -> None:
    assert longest_token(words()) == 64
    strips = byte_fallback()
    strips.normalizer = normalizers.Strip()
    assert longest_token(strips) == 64


def test_an_absurd_entry_does_not_make_every_text_fit() -> None:
    tokenizer = byte_fallback()
    tokenizer.add_tokens(["구름" * 5_000])
    assert longest_token(tokenizer) == 1024


@pytest.mark.parametrize("which", ["a chat", "a prompt"])
def test_others_work_while_a_text_is_tokenised(tmp_path: Path, which: str) -> None:
    profile = Profile(name="tiny", title="tiny", template="kullm-v2")
    vocabulary = Vocabulary(save_model(tmp_path / "model", "gpt_neox"), profile)
    text = "ab cd " * 300_000
    prompt = vocabulary.prompt([Message("user", text)], profile.template)
    encode: dict[str, Callable[[], object]] = {
        "a chat": lambda: vocabulary.encode(prompt, profile.template),
        "a prompt": lambda: vocabulary.encode_text(text),
    }
    over, seen = threading.Event(), 0

    def tokenise() -> None:
        encode[which]()
        over.set()

    threading.Thread(target=tokenise).start()
    while not over.wait(0.001):
        seen += 1
    assert seen > 10
