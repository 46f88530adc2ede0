"""The demo model's tokenizer and configuration."""

import json
import re
from itertools import islice
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from data.demo.corpus import records
from data.demo.tokenizer import SPECIALS, VOCABULARY, corpus_texts, train_tokenizer, write_model_folder
from kullm_tui.core.models.profiles import shipped_profiles

_BLOCK = 64
_TEXTS = 20_000  # of eight times as many: a tenth of the time


@pytest.fixture(scope="module", params=["made", "shipped"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "shipped":
        return Path(shipped_profiles()["demo-base"].folder)
    folder = tmp_path_factory.mktemp("demo") / "model"
    write_model_folder(folder, islice(corpus_texts(), _TEXTS))
    return folder


def test_special_tokens_have_polyglots_numbers(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert [tokenizer.token_to_id(token) for token in SPECIALS] == [0, 1, 2, 3]
    assert SPECIALS[2] == "<|endoftext|>"


def test_every_digit_is_a_token_wherever_it_stands(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    digits = {str(digit): tokenizer.token_to_id(str(digit)) for digit in range(10)}
    for text in ("480", "답은 480입니다", "1,480원", "x=480"):
        ids = tokenizer.encode(text).ids
        assert [token for token in ids if token in digits.values()] == [digits[each] for each in text if each.isdigit()]
    assert not [
        token
        for token in tokenizer.get_vocab()
        if len(token) > 1 and re.search("[0-9]", token) and token not in SPECIALS
    ]


def test_any_text_comes_back_as_it_was(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in ("안녕하세요! 뷁 쀍 12.5", "hello <|endoftext|>", "🙂\n\t 漢字", " 앞 빈칸", "끝 빈칸 "):
        tokenizer.encode_special_tokens = True
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_the_vocabulary_and_all_widths_suit_four_bit_blocks(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size() == config["vocab_size"] == VOCABULARY
    assert all(config[width] % _BLOCK == 0 for width in ("vocab_size", "hidden_size", "intermediate_size"))
    assert config["eos_token_id"] == 2


def test_the_same_texts_make_the_same_tokenizer() -> None:
    texts = [row["output"] for row in islice(records("koalpaca"), 300) if "output" in row]
    assert train_tokenizer(texts).to_str() == train_tokenizer(texts).to_str()


def test_the_corpus_takes_few_tokens(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [row["output"] for row in islice(records("kullm"), 500) if "output" in row]
    assert sum(len(tokenizer.encode(text).ids) for text in texts) < sum(map(len, texts)) * 0.6
