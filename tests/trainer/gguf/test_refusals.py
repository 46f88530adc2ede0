"""What llama.cpp is not proved to cut or to compute as we do is not exported, and the refusal says why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.errors import WeightsError
from kullm_tui.weights.skeleton import read_config
from tests.tiny_models import save_model
from tests.trainer.gguf.models import save
from trainer.gguf.layout import layout_of
from trainer.gguf.vocabulary import CONTROL, NORMAL, UNUSED, read_vocabulary

Change = Callable[[dict[str, Any]], Any]
SIZE = 384


def changed(folder: Path, file: str, change: Change) -> Path:
    facts = json.loads((folder / file).read_text())
    change(facts)
    (folder / file).write_text(json.dumps(facts))
    return folder


@pytest.fixture
def polyglot(tmp_path: Path) -> Path:
    return save(tmp_path / "base", "gpt_neox", "smollm")


def test_a_known_kind_has_its_name_and_every_row_a_token(polyglot: Path) -> None:
    found = read_vocabulary(polyglot, SIZE)
    assert (found.kind, found.pre, len(found.tokens), len(set(found.tokens))) == ("gpt2", "smollm", SIZE, SIZE)
    assert (found.types[0], found.types[5], found.types[-1]) == (CONTROL, NORMAL, UNUSED)
    assert found.merges


def test_how_older_files_are_written_makes_no_difference(polyglot: Path) -> None:
    expected = read_vocabulary(polyglot, SIZE)

    def older(facts: dict[str, Any]) -> None:
        model = facts["model"]
        model["merges"] = [" ".join(pair) for pair in model["merges"]]
        del model["type"]
        del facts["pre_tokenizer"]["pretokenizers"][1]["use_regex"]
        facts["normalizer"] = {"type": "NFC"}

    assert read_vocabulary(changed(polyglot, "tokenizer.json", older), SIZE) == expected


BYTES: list[Change] = [
    lambda facts: facts["pre_tokenizer"]["pretokenizers"][1].update(add_prefix_space=True),
    lambda facts: facts["pre_tokenizer"]["pretokenizers"][0].update(individual_digits=False),
    lambda facts: facts["pre_tokenizer"]["pretokenizers"].insert(0, {"type": "Punctuation", "behavior": "Isolated"}),
    lambda facts: facts.update(pre_tokenizer=None),
    lambda facts: facts.update(normalizer={"type": "NFKC"}),
    lambda facts: facts["model"].update(ignore_merges=True),
    lambda facts: facts["model"].update(end_of_word_suffix="</w>"),
    lambda facts: facts["model"].update(type="Unigram"),
    lambda facts: facts["added_tokens"][0].update(lstrip=True),
]


@pytest.mark.parametrize("change", BYTES, ids=map(str, range(len(BYTES))))
def test_a_tokenizer_that_differs_in_anything_is_refused(polyglot: Path, change: Change) -> None:
    with pytest.raises(WeightsError, match=r"llama\.cpp"):
        read_vocabulary(changed(polyglot, "tokenizer.json", change), SIZE)


def test_more_tokens_than_the_embedding_has_rows_are_refused(polyglot: Path) -> None:
    with pytest.raises(WeightsError):
        read_vocabulary(polyglot, 100)


def test_sentencepieces_order_is_known_by_its_merges(tmp_path: Path) -> None:
    folder = save(tmp_path / "base", "llama", "llama-2")
    found = read_vocabulary(folder, SIZE)
    assert (found.kind, found.unknown) == ("llama", 0)
    merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
    scored = [token for score, token in zip(found.scores, found.tokens, strict=True) if score < 0]
    in_order = sorted(scored, key=lambda token: -found.scores[found.tokens.index(token)])
    assert in_order == list(dict.fromkeys("".join(pair) for pair in merges))


def _lacks_one(merges: list[list[str]]) -> None:
    merges.pop()


def _joins_one_late(merges: list[list[str]]) -> None:
    """The second of two pairs that make the same piece."""
    pieces = ["".join(pair) for pair in merges]
    second = next(place for place in range(1, len(pieces)) if pieces[place] == pieces[place - 1])
    merges.append(merges.pop(second))


@pytest.mark.parametrize("change", [_lacks_one, _joins_one_late])
def test_merges_that_no_score_can_tell_are_refused(tmp_path: Path, change: Callable[[list[list[str]]], None]) -> None:
    """As of a tokenizer.json that was trained by pairs: it joins others first."""
    folder = save(tmp_path / "base", "llama", "llama-2")
    with pytest.raises(WeightsError, match="merges"):
        read_vocabulary(changed(folder, "tokenizer.json", lambda facts: change(facts["model"]["merges"])), SIZE)


@pytest.mark.parametrize("family", ["bloom", "qwen2", "mistral", "gemma"])
def test_an_architecture_that_was_not_proved_is_refused(tmp_path: Path, family: str) -> None:
    folder = save_model(tmp_path / "base", family)
    with pytest.raises(WeightsError, match=family):
        layout_of(read_config(folder), folder)


SCALED = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("gpt_neox", {"hidden_act": "relu"}),
        ("gpt_neox", {"attention_bias": False}),
        ("llama", {"attention_bias": True}),
        ("llama", {"mlp_bias": True}),
        ("llama", {"hidden_act": "gelu"}),
        ("llama", {"rope_parameters": SCALED}),
    ],
)
def test_a_configuration_beyond_what_was_proved_is_refused(
    tmp_path: Path, family: str, settings: dict[str, Any]
) -> None:
    folder = save_model(tmp_path / "base", family)
    assert layout_of(read_config(folder), folder).architecture == family.replace("_", "")
    changed(folder, "config.json", lambda facts: facts.update(settings))
    with pytest.raises(WeightsError, match=next(iter(settings)).removesuffix("_parameters")):
        layout_of(read_config(folder), folder)
