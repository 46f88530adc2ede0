"""What the data builder made as a source of a recipe: by name, read as any file, and sent to another machine with the rest."""

import json
from pathlib import Path

import pytest

from data.shelf import built_folder
from tests.trainer.sets import json_lines, numbered
from trainer.built_sets import built_sets
from trainer.dataset.sources import records
from trainer.estimate.tokens import recorded_lengths
from trainer.jobs.payload import payload_of
from trainer.recipe import Recipe, load_recipe, recipe_dict, recipe_from, recipe_with


def build(name: str, **outputs: int) -> Path:
    """As a build leaves it."""
    folder = built_folder(name)
    folder.mkdir(parents=True)
    told = []
    for output, rows in outputs.items():
        json_lines(folder / f"{output}.jsonl", numbered(rows))
        files = [{"name": f"{output}.jsonl", "rows": rows, "sha256": ""}]
        told.append({"name": output, "rows": rows, "by_source": {}, "files": files})
    (folder / "facts.json").write_text(json.dumps({"steps": [], "outputs": told}), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def recipe(*sources: str) -> Recipe:
    return load_recipe("demo-kullm", [f"data.source={json.dumps(sources)}"])


def test_a_recipe_takes_a_built_mixture_by_name_beside_files_and_keeps_their_places() -> None:
    folder = build("two", small=3, large=5)
    mine = str(json_lines(Path("mine.jsonl").absolute(), numbered(2)))
    assert [(one.source, one.rows) for one in built_sets()] == [("mixture:two", 5), ("mixture:two/small", 3)]
    found = recipe("mine.jsonl", "mixture:two", "mixture:two/small")
    assert found.data.sources == (mine, str(folder / "large.jsonl"), str(folder / "small.jsonl"))
    assert len(list(records(found.data))) == 10
    assert recorded_lengths(found).rows == 10_000 + 5 + 3  # of a file of one's own a plan knows no number
    assert recipe_from(json.loads(json.dumps(recipe_dict(found)))) == found
    assert recipe("mixture:two").data.source == str(folder / "large.jsonl")
    for absent in ("mixture:none", "mixture:two/none", "mixture:../two", "mixture:"):
        assert recipe(absent).data.source == absent


def test_one_source_is_the_same_recipe_however_it_is_written_and_the_order_of_several_counts() -> None:
    assert recipe("a").digest == load_recipe("demo-kullm", ["data.source=a"]).digest
    assert len({one.digest for one in (recipe("a"), recipe("a", "b"), recipe("b", "a"), recipe("a", "a", "b"))}) == 4


def test_every_source_that_is_here_goes_to_the_other_machine_and_is_read_there(tmp_path: Path) -> None:
    folder = build("two", large=5)
    (tmp_path / "set").mkdir()
    json_lines(tmp_path / "set" / "set", numbered(1))
    (tmp_path / "other").mkdir()
    files = [str(json_lines(tmp_path / name, numbered(2))) for name in ("mine.jsonl", "other/mine.jsonl")]
    found = recipe_with(
        recipe(files[0], "owner/name", "set", files[1], "mixture:two", files[0]), ["data.evaluate=other/mine.jsonl"]
    )
    payload = payload_of(found)
    tree = payload.tree("data")
    assert tree
    paths = {file.path: file.source for file in tree.files}
    assert set(paths.values()) == {*map(Path, files), Path("set/set"), folder / "large.jsonl"}
    there = payload.recipe_there("/there").data
    place = f"{tree.place('/there')}/"
    first, hub, whole, second, mixture, again = there.sources
    assert (hub, again, there.evaluate) == ("owner/name", first, second)
    assert [paths[one.removeprefix(place)] for one in (first, second, mixture)] == [
        *map(Path, files),
        folder / "large.jsonl",
    ]
    assert f"{whole.removeprefix(place)}/set" in paths
