"""A study's file: the shipped ones are whole, and every fault of one's own is told at its place."""

from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.studies.study import load_study, outputs_of, shipped_studies
from tests.studies.small import small_study


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


def faults(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_study(str(file))
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_the_shipped_studies_have_seven_mixtures_that_are_three_parts_and_their_unions() -> None:
    assert shipped_studies() == ("demo", "paper")
    for name in shipped_studies():
        mixture = load_study(name).made_mixtures
        sources = [one.name for one in mixture.sources]
        assert len(sources) == 3
        assert sorted(mixture.outputs.values(), key=len)[-1] == tuple(sources)
        assert len({frozenset(parts) for parts in mixture.outputs.values()}) == 7


def test_what_lies_beside_the_file_is_meant_by_its_name(tmp_path: Path) -> None:
    study = load_study(str(small_study(tmp_path)))

    assert study.mixture == str(tmp_path / "parts.toml")
    assert outputs_of(study.made_mixtures) == ("long", "both")
    assert study.mixtures_of(study.bases[0]) == ("long", "both")


def test_every_fault_is_told_at_once_by_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('mixtur = "demo"\nlimit = -1\n[[bases]]\nname = "A B"\n[[bases]]\nrecipe = "demo-kullm"\n')

    found = faults(file)

    assert any(one.startswith("mixtur: ") and "mixture" in one for one in found)
    assert [one.partition(":")[0] for one in found] == [
        "mixtur", "limit", "bases[1].name", "bases[1].recipe", "bases[2].name", "mixture", "questions",
    ]  # fmt: skip


def test_a_mixture_a_recipe_or_a_rubric_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = small_study(tmp_path, more='rubric = "nobody"')
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace('"demo-kullm"', '"demo-kulm"').replace('name = "tiny"', 'name = "tiny"\nmixtures = ["short"]')
    )

    told = "\n".join(faults(file))

    assert "bases[1].mixtures: there is no short among long, both" in told
    assert "bases[1].recipe" in told
    assert "demo-kullm" in told
    assert "rubric" in told


def test_a_study_that_nobody_would_grade_is_refused(tmp_path: Path) -> None:
    file = small_study(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("known = true", "known = false"))

    assert [one.partition(":")[0] for one in faults(file)] == ["known"]


def test_a_name_that_is_nearly_a_shipped_one_is_suggested() -> None:
    with pytest.raises(ConfigError, match="demo"):
        load_study("dem")
