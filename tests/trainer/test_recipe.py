"""Shipped recipes say what their sources say, and a wrong recipe says everything that is wrong with it."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.models.resolve import all_profiles
from trainer.recipe import Recipe, load_recipe, recipe_dict, recipe_from, shipped_recipes

WANTED = {
    "kullm-paper-5.8b",
    "kullm-paper-12.8b",
    "kullm-paper-5.8b-8bit",
    "kullm-paper-12.8b-8bit",
    "kullm-v2-command",
    "kullm-v2-card-5.8b",
    "kullm-v2-card-12.8b",
    "kullm-v1-card-12.8b",
    "koalpaca-5.8b",
    "koat-5.8b",
    "korani",
    "qlora-24gb-5.8b",
    "qlora-24gb-12.8b",
    "demo-base",
    "demo-kullm",
    "demo-koalpaca",
    "demo-kovicuna",
    "dpo-votes-24gb",
    "dpo-votes-4xa100",
    "dpo-votes-demo",
}
# Of runs that are under way: a checkpoint of theirs is resumed by a recipe with the same one alone.
DIGESTS = {
    "demo-base": "8ab00d84a4866eed",
    "demo-kullm": "3d9659c7db92cd68",
    "koalpaca-5.8b": "20323f6bb9f943f6",
    "koat-5.8b": "0717c83577eb1058",
    "kullm-paper-12.8b-8bit": "721ef44e899b9250",
    "kullm-v2-command": "7d5819a89654b608",
    "qlora-24gb-5.8b": "39a2e58dccdd2058",
}
MINIMAL = '[model]\nbase = "polyglot-ko-1.3b"\n[data]\nsource = "rows.jsonl"\n'


def is_korean(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)


def test_every_wanted_recipe_is_shipped() -> None:
    assert set(shipped_recipes()) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_shipped_recipe_loads_and_says_where_it_comes_from(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    for korean, english in (
        (recipe.summary, recipe.summary_en),
        (recipe.source, recipe.source_en),
        (recipe.notes, recipe.notes_en),
    ):
        assert bool(korean) == bool(english)
        assert is_korean(korean) or not korean
        assert not is_korean(english) or "지시어" in english  # a word that is spoken of
    assert recipe.summary
    assert recipe.source
    assert recipe.model.base in all_profiles() or recipe.model.base == "demo-base"


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_recipe_survives_json_unchanged(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe_from(json.loads(json.dumps(recipe_dict(recipe)))) == recipe


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_a_recipe_of_replies_keeps_its_digest_whatever_recipes_of_pairs_add(name: str) -> None:
    assert load_recipe(name).digest[:16] == DIGESTS[name]
    assert load_recipe(name, ["preference.beta=0.3"]).digest[:16] == DIGESTS[name]
    assert (
        load_recipe(name, ["train.kind=dpo", "data.loss=output", "model.init=pretrained"]).digest[:16] != DIGESTS[name]
    )


def test_choices_that_pairs_exclude_are_refused() -> None:
    with pytest.raises(ConfigError, match="data.loss"):
        load_recipe("dpo-votes-24gb", ["data.loss=all"])
    with pytest.raises(ConfigError, match="model.init"):
        load_recipe("demo-base", ["train.kind=dpo"])


def test_a_recipe_that_starts_from_an_adapter_takes_over_its_method_and_its_template(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").touch()
    options = {"peft_type": "LORA", "r": 8, "lora_alpha": 24, "target_modules": ["dense", "query_key_value"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(options))
    (tmp_path / "kullm.toml").write_text('template = "koalpaca-v1.1"\nbase = "kullm-5.8b"\n')
    recipe = load_recipe("dpo-votes-24gb", [f"model.adapter={tmp_path}", "method.dropout=0.1"])
    method = recipe.method
    assert (method.rank, method.alpha, method.targets, method.dropout) == (8, 24.0, ("dense", "query_key_value"), 0.1)
    assert recipe.model.template == "koalpaca-v1.1"
    assert load_recipe("dpo-votes-demo").model.adapter == "demo-kullm"  # known by this name everywhere


def test_what_a_recipe_says_of_itself_is_in_the_interfaces_language_and_in_the_one_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(f'summary_en = "mine"\nnotes = "내 것"\n{MINIMAL}', encoding="utf-8")
    shipped, own = load_recipe("koalpaca-5.8b"), load_recipe(str(tmp_path / "mine.toml"))
    for language in ("ko", "en"):
        monkeypatch.setenv("KULLM_LANG", language)
        assert {is_korean(text) for text in (shipped.told, shipped.told_source, shipped.told_notes)} == {
            language == "ko"
        }
        assert (own.told, own.told_source, own.told_notes) == ("mine", "", "내 것")


@pytest.mark.parametrize("size", ["5.8b", "12.8b"])
def test_the_papers_recipe_has_the_papers_figures(size: str) -> None:
    recipe = load_recipe(f"kullm-paper-{size}")
    method, train = recipe.method, recipe.train
    assert (method.kind, method.rank, method.alpha, method.targets) == ("lora", 16, 32.0, ("query_key_value",))
    assert (train.learning_rate, train.batch, train.epochs) == (3e-4, 256, 5.0)
    assert (train.schedule, train.warmup, train.clip > 0) == ("cosine", 0.05, True)
    assert (recipe.model.template, recipe.model.precision, recipe.data.loss) == ("kullm-paper", "bf16", "output")
    assert "bf16" in recipe.notes


def test_the_published_command_has_its_own_figures() -> None:
    recipe = load_recipe("kullm-v2-command")
    method, train, data = recipe.method, recipe.train, recipe.data
    assert (method.rank, method.alpha, method.dropout) == (8, 16.0, 0.05)
    assert (train.batch, train.schedule, train.warmup) == (128, "linear", 100.0)
    assert (data.cutoff, data.loss) == (512, "all")


def test_overrides_take_toml_values_and_bare_words() -> None:
    changed = ["train.epochs=5", "data.source=my.jsonl", "data.columns.output=답변", "train.packing=false"]
    recipe = load_recipe(
        "demo-kullm", [*changed, 'method.targets=["dense"]', "train.learning_rate=1e-4", "data.source=a=b"]
    )
    assert (recipe.train.epochs, recipe.train.packing, recipe.train.learning_rate) == (5.0, False, 1e-4)
    assert (recipe.data.source, recipe.data.columns, recipe.method.targets) == ("a=b", {"output": "답변"}, ("dense",))


def test_every_fault_is_said_at_once_and_unknown_keys_name_the_nearest() -> None:
    wrong = ["train.epoch=5", "epochs", "model.precision=4bits", "data.evaluate=1.5", "train.batch=0", "modell.base=x"]
    with pytest.raises(ConfigError) as raised:
        load_recipe("kullm-paper-5.8b", [*wrong, "model.template=kulm-v2"])
    said = str(raised.value)
    for part in (
        "train.epoch:",
        "epochs?",
        "model.precision",
        "data.evaluate",
        "train.batch",
        "modell",
        "Did you mean kullm-v2",
    ):
        assert part in said


@pytest.mark.parametrize(
    "override", ["model.base.x=1", "train=5", "data.columns=5", "data.columns.x=y", "train.seed=nan"]
)
def test_a_value_of_another_kind_is_a_fault(override: str) -> None:
    with pytest.raises(ConfigError):
        load_recipe("kullm-paper-5.8b", [override])


def test_choices_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="precision"):
        load_recipe("koalpaca-5.8b", ["model.precision=4bit"])
    with pytest.raises(ConfigError, match="init"):
        load_recipe("kullm-paper-5.8b", ["model.init=scratch"])


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"kullm-paper-12\.8b\?"):
        load_recipe("kullm-paper-12.b")


def test_a_file_of_the_users_is_read_and_its_neighbours_found(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("\ufeff" + MINIMAL, encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert recipe.name == "mine"
    assert recipe.data.source == str(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[model]\nbase = ", "TOML"),
        ("summary = '구름'".encode("cp949"), "UTF-8"),
        (b"", "model.base"),
        (MINIMAL.encode() + b"batch = 1", "data.batch"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_recipe(str(file))


@pytest.mark.parametrize("source", ["x" * 5000, "~nobody/rows.jsonl", "owner/name"])
def test_a_source_that_is_no_file_stays_as_it_is_written(source: str) -> None:
    assert load_recipe("demo-kullm", [f"data.source={source}"]).data.source == source


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load_recipe(str(tmp_path / "absent.toml"))


def digest(*overrides: str) -> str:
    return load_recipe("kullm-paper-5.8b", overrides).digest


def test_the_digest_ignores_only_how_long_and_how_watched() -> None:
    same = ["train.epochs=9", "train.max_steps=7", "train.eval_every=3", "train.save_every=3", "train.keep=9"]
    assert digest(*same, 'train.samples=["안녕"]', "train.patience=3") == digest()
    for other in ("train.seed=1", "data.limit=5", "method.rank=8", "model.template=kullm-v2", "train.batch=8"):
        assert digest(other) != digest()


def test_whole_and_decimal_spellings_are_one_recipe() -> None:
    assert digest("method.alpha=32") == digest("method.alpha=32.0")


def test_a_stored_recipe_with_faults_is_refused() -> None:
    tables = recipe_dict(load_recipe("demo-kullm"))
    tables["train"]["batch"] = "many"
    with pytest.raises(ConfigError, match=r"train\.batch"):
        recipe_from(tables)
    assert isinstance(recipe_from(recipe_dict(load_recipe("demo-kullm"))), Recipe)
