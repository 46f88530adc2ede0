"""The tokenised set: made once, whole or not at all, and never taken for that of other data."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from kullm_tui.core.errors import ConfigError, NoSpace
from kullm_tui.core.models.weights_cache import bytes_in
from kullm_tui.core.paths import cache_dir, private_dir
from tests.trainer.sets import json_lines, numbered, recipe_of, row, tokenizer_folder
from trainer.dataset import token_room
from trainer.dataset.labels import examples, labelling_of
from trainer.dataset.sources import Row, records
from trainer.dataset.tokens import TokenSet, cached, evaluation_set, tokenised
from trainer.recipe import Recipe

PROJECT = Path(__file__).parents[3]
COUNT = 200


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


@pytest.fixture
def recipe(base: Path, tmp_path: Path) -> Recipe:
    return recipe_of(base, json_lines(tmp_path / "rows.jsonl", numbered(COUNT)))


def with_data(recipe: Recipe, **data: Any) -> Recipe:
    return replace(recipe, data=replace(recipe.data, **data))


def plain(tokens: TokenSet) -> list[tuple[list[int], list[bool], str, bool]]:
    made = [tokens.example(place) for place in range(len(tokens))]
    return [(list(map(int, one.ids)), list(map(bool, one.trained)), one.row, one.cut) for one in made]


def test_the_set_on_disk_is_the_rows_as_labelled(recipe: Recipe, base: Path) -> None:
    rows = [one for one in records(recipe.data) if isinstance(one, Row)]
    labelled = examples(rows, labelling_of(recipe, base))
    assert plain(tokenised(recipe, base)) == [
        (list(one.ids), list(one.trained), one.row, one.cut)  # type: ignore[union-attr]
        for one in labelled
    ]


def test_facts_count_what_is_there(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "odd.jsonl", [*numbered(40), row(output=""), row(output="긴 답변입니다. " * 300)])
    tokens = tokenised(with_data(recipe, source=str(source), cutoff=400), base)
    facts = tokens.facts
    assert (facts.rows, facts.examples, facts.cut, facts.rejected) == (42, 41, 1, {"empty": 1})
    assert facts.tokens == sum(tokens.lengths)
    assert facts.trained_tokens == sum(sum(one[1]) for one in plain(tokens))
    assert facts.longest == 400 == max(tokens.lengths)
    assert sum(facts.histogram.values()) == 41
    (rejected,) = (tokens.folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rejected)["number"] == 41


def test_a_second_run_reads_what_the_first_made(recipe: Recipe, base: Path) -> None:
    seen: list[int] = []
    first = tokenised(recipe, base, seen.append)
    assert seen == [COUNT]
    assert tokenised(recipe, base, seen.append).digest == first.digest
    assert seen == [COUNT]


def test_whatever_changes_the_tokens_makes_another_set(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    other_text = json_lines(tmp_path / "other.jsonl", [*numbered(COUNT - 1), row()])
    variants = [
        recipe,
        with_data(recipe, cutoff=300),
        with_data(recipe, loss="all"),
        with_data(recipe, limit=10),
        with_data(recipe, evaluate=0.5),
        with_data(recipe, source=str(other_text)),
        replace(recipe, model=replace(recipe.model, template="koalpaca-v1.1")),
    ]
    assert len({tokenised(variant, base).digest for variant in variants}) == len(variants)
    copy = json_lines(tmp_path / "copy.jsonl", numbered(COUNT))
    assert tokenised(with_data(recipe, source=str(copy)), base).digest == tokenised(recipe, base).digest


@pytest.mark.parametrize("damage", ["ids.npy", "offsets.npy", "facts.json", "gone"])
def test_a_damaged_set_is_made_again(recipe: Recipe, base: Path, damage: str) -> None:
    tokens = tokenised(recipe, base)
    before = plain(tokens)
    if damage == "gone":
        (tokens.folder / "trained.npy").unlink()
    else:
        os.truncate(tokens.folder / damage, 200)
    assert plain(tokenised(recipe, base)) == before


def test_a_share_held_out_is_trained_nowhere(recipe: Recipe, base: Path) -> None:
    recipe = with_data(recipe, evaluate=0.2)
    trained, held = tokenised(recipe, base), evaluation_set(recipe, base)
    assert held is not None
    assert 0.1 * COUNT < len(held) < 0.3 * COUNT
    rows = [one[2] for one in (*plain(trained), *plain(held))]
    assert sorted(map(int, rows)) == list(range(1, COUNT + 1))


def test_a_number_of_rows_is_held_out_and_repeats_stay_together(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "twice.jsonl", [*numbered(50), *numbered(50)])
    recipe = with_data(recipe, source=str(source), evaluate=20)
    trained, held = tokenised(recipe, base), evaluation_set(recipe, base)
    assert held is not None
    assert (len(trained), len(held)) == (80, 20)
    assert not {tuple(one[0]) for one in plain(trained)} & {tuple(one[0]) for one in plain(held)}


def test_a_file_for_evaluation_takes_no_row_away(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    recipe = with_data(recipe, evaluate=str(json_lines(tmp_path / "held.jsonl", [row()] * 3)))
    held = evaluation_set(recipe, base)
    assert held is not None
    assert (len(tokenised(recipe, base)), len(held)) == (COUNT, 3)


def test_nothing_is_evaluated_unasked(recipe: Recipe, base: Path) -> None:
    assert evaluation_set(recipe, base) is None


def test_an_evaluation_without_rows_is_refused(recipe: Recipe, base: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.evaluate"):
        evaluation_set(with_data(recipe, evaluate=1e-9), base)


def test_rows_that_are_all_too_long_are_refused(recipe: Recipe, base: Path) -> None:
    with pytest.raises(ConfigError, match=r"200 of the 200(.|\n)*row 1: the prompt alone(.|\n)*data\.cutoff"):
        tokenised(with_data(recipe, cutoff=8), base)
    assert not list((cache_dir() / "tokens").iterdir())


def test_a_file_in_another_encoding_is_refused(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    text = path.with_suffix(".txt")
    json_lines(text, [*numbered(30), *({"instruction": "a", "output": "b"} for _ in range(60))])
    path.write_bytes(text.read_text(encoding="utf-8").encode("cp949"))
    with pytest.raises(ConfigError, match="30 of the 90(.|\n)*UTF-8"):
        tokenised(with_data(recipe, source=str(path)), base)


def test_one_broken_line_stops_nothing(recipe: Recipe, base: Path) -> None:
    with Path(recipe.data.named).open("ab") as file:
        file.write(b'{"instruction": "cut sho')
    assert tokenised(recipe, base).facts.rejected == {"unreadable": 1}


def test_a_large_vocabulary_takes_wider_numbers(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    narrow = tokenised(recipe, base)
    wide_folder = tmp_path / "wide"
    wide_folder.mkdir()
    facts = json.loads((base / "tokenizer.json").read_text(encoding="utf-8"))
    own = [token for token in range(70_000)][len(facts["model"]["vocab"]) + 100 :]
    facts["model"]["vocab"] |= {f"token{token}": token for token in own}
    (wide_folder / "tokenizer.json").write_text(json.dumps(facts), encoding="utf-8")
    (wide_folder / "config.json").write_bytes((base / "config.json").read_bytes())
    wide = tokenised(recipe, wide_folder)
    assert plain(wide) == plain(narrow)
    assert numpy.load(wide.folder / "ids.npy").dtype == numpy.uint32
    assert numpy.load(narrow.folder / "ids.npy").dtype == numpy.uint16


def test_a_full_disk_is_said_and_leaves_nothing(recipe: Recipe, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(numpy, "save", full)
    with pytest.raises(NoSpace, match="disk is full"):
        tokenised(recipe, base)
    assert not list((cache_dir() / "tokens").iterdir())


def test_sets_used_longest_ago_go_when_there_are_too_many_and_never_one_in_use(
    recipe: Recipe, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = tokenised(with_data(recipe, cutoff=301), base)
    size = bytes_in(in_use.folder)
    unused = [tokenised(with_data(recipe, cutoff=cutoff), base).folder for cutoff in (302, 303, 304)]
    for age, folder in enumerate((in_use.folder, *unused)):
        os.utime(folder / "facts.json", (1e9 + age, 1e9 + age))
    cached(with_data(recipe, cutoff=302), base)  # looked at now: used last
    monkeypatch.setattr(token_room, "_MOST_BYTES", 3.5 * size)
    newest = tokenised(with_data(recipe, cutoff=305), base)
    left = {folder.name for folder in (cache_dir() / "tokens").iterdir()}
    assert left == {in_use.digest, newest.digest, unused[0].name, unused[2].name}
    monkeypatch.setattr(token_room, "_MOST_BYTES", 0)
    tokenised(with_data(recipe, cutoff=306), base)
    left = {folder.name for folder in (cache_dir() / "tokens").iterdir()}
    assert {in_use.digest, newest.digest} < left
    assert len(left) == 3
    before = plain(in_use)
    del in_use
    tokenised(with_data(recipe, cutoff=307), base)
    assert plain(tokenised(with_data(recipe, cutoff=301), base)) == before  # gone, and made again


def test_a_set_is_in_use_in_whatever_process_trains_on_it(
    recipe: Recipe, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tokenised(recipe, base).folder
    program = "import sys; from pathlib import Path; from trainer.dataset.token_set import TokenSet; kept = TokenSet(Path(sys.argv[1])); print(flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert other.stdout
    assert other.stdout.readline()
    monkeypatch.setattr(token_room, "_MOST_BYTES", 0)
    keep = folder.with_name("another")
    assert token_room.make_room(folder.parent, keep=keep) == []
    other.communicate(b"\n", timeout=240)
    assert token_room.make_room(folder.parent, keep=keep) == [folder]


def test_a_killed_writers_draft_goes_after_a_day(recipe: Recipe, base: Path) -> None:
    old, fresh = (private_dir(cache_dir() / "tokens" / f".draft-{name}") for name in ("old", "fresh"))
    os.utime(old, (1e9, 1e9))
    tokenised(recipe, base)
    assert not old.exists()
    assert fresh.exists()


def test_the_set_of_the_demo_corpus_can_be_made(base: Path) -> None:
    tokens = tokenised(recipe_of(base, "demo:kullm", limit=50, evaluate="demo:kullm"), base)
    assert len(tokens) == 50
