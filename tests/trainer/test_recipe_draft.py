"""A recipe that is filled in: every field is there, what it shows is what it reads, and each fault stands at its field."""

from dataclasses import fields
from pathlib import Path

import pytest

from trainer.recipe import DataChoice, Method, ModelChoice, PreferenceLoss, Training, load_recipe, shipped_recipes
from trainer.recipe_draft import draft_of, faults_here
from trainer.recipe_fields import FIELDS, fields_of


def test_every_value_of_a_recipe_is_a_field_of_the_form() -> None:
    tables = {
        "model": ModelChoice,
        "data": DataChoice,
        "method": Method,
        "train": Training,
        "preference": PreferenceLoss,
    }
    wanted = {f"{table}.{one.name}" for table, kind in tables.items() for one in fields(kind)}
    assert sorted(field.key for field in FIELDS) == sorted(wanted)


@pytest.mark.parametrize("name", shipped_recipes())
def test_what_a_field_shows_is_read_as_the_same_recipe(name: str) -> None:
    draft = draft_of(name)
    typed = {field.key: field.text(draft.base) for field in FIELDS}
    for key, text in typed.items():
        draft = draft.put(key, text)
    assert not draft.typed
    again, faults = type(draft)(draft.base, draft.argv, draft.given, typed).filled()
    assert faults == {}
    assert again == load_recipe(name)


def test_each_fault_stands_at_its_field_and_all_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    draft = draft_of("kullm-paper-5.8b")
    for key, text in {
        "train.epochs": "두 번",
        "train.betas": "0.9",
        "method.kind": "full",
        "model.precision": "4bit",
    }.items():
        draft = draft.put(key, text)
    recipe, faults = draft.filled()
    assert recipe is None
    assert sorted(faults) == ["model.precision", "train.betas", "train.epochs"]
    draft = draft.put("train.epochs", "1e0").put("train.betas", "0.9, 0.95")
    _, faults = draft.filled()
    assert list(faults) == ["model.precision"]


def test_what_only_this_computer_knows_is_told_at_the_field_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "mine.jsonl").write_text('{"instruction": "1 더하기 1은?", "output": "2"}\n')

    def faults(**typed: str) -> list[str]:
        draft = draft_of("demo-kullm")
        for key, text in typed.items():
            draft = draft.put(key.replace("_", ".", 1), text)
        recipe, _ = draft.filled()
        assert recipe is not None
        return sorted(faults_here(recipe))

    assert faults() == []
    assert faults(data_source="mine.jsonl") == []
    assert faults(data_source="nowhere.jsonl", model_base="gpt9") == ["data.source", "model.base"]
    assert faults(data_source="empty.jsonl") == ["data.source"]
    assert faults(data_evaluate="./nowhere") == ["data.evaluate"]
    assert faults(data_source="mine.jsonl\nowner/name\ndemo:kullm\nmine.jsonl") == []
    several = "mine.jsonl\nnonsense\nempty.jsonl\nmixture:none\ndemo:none"
    assert faults(data_source=several) == [f"data.source.{place}" for place in (2, 3, 4, 5)]


def test_a_figure_says_where_it_comes_from_and_a_draft_which_command_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    draft = draft_of("kullm-paper-12.8b").put("train.batch", "64").put("train.epochs", "5")
    assert draft.origin("train.learning_rate").startswith("the recipe's · the KULLM paper")
    assert draft.origin("train.seed") == "the default"
    assert draft.origin("train.batch") == "changed by you (the recipe: 256)"
    assert draft.command() == ["train", "kullm-paper-12.8b", "--set", "train.batch=64"]


def test_the_command_of_a_draft_makes_the_same_recipe() -> None:
    draft = draft_of("demo-kullm")
    for key, text in {
        "data.source": 'my "own", file.jsonl\nmixture:none',
        "data.columns": "instruction=질문, output=답",
        "train.samples": "안녕? | 2 더하기 3은?",
        "train.betas": "0.9, 0.95",
        "train.epochs": "2",
    }.items():
        draft = draft.put(key, text)
    name, settings = draft.command()[1], draft.command()[3::2]
    assert load_recipe(name, settings) == draft.filled()[0]


def test_a_method_has_its_own_fields() -> None:
    lora, full = load_recipe("kullm-paper-5.8b"), load_recipe("koalpaca-5.8b")
    assert "method.rank" in {field.key for field in fields_of(lora)}
    assert "method.rank" not in {field.key for field in fields_of(full)}
