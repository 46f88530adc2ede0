"""What a study calls its adapters: as a person would, always the same, and what was begun under a longer name is found by it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kullm_tui.core import paths
from kullm_tui.studies.names import trained_name
from kullm_tui.studies.stages import Plan, plan_of
from kullm_tui.studies.study import load_study
from trainer.jobs.directory import create
from trainer.jobs.registry import directory_of, new_id

_KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("demo", "demo", "polite-short"), "demo-polite-short-012345"),
        (("paper", "5.8b", "alpaca"), "paper-5.8b-alpaca-012345"),
        (("demo", "demo-wide", "polite"), "demo-wide-polite-012345"),
        (("my-study", "study", "study-rows"), "my-study-rows-012345"),
        (("kullm", "all", "all"), "kullm-all-012345"),
        (("demo", "tiny", "demo"), "demo-tiny-demo-012345"),
        (("우리 연구", "5.8b", "ours"), "5.8b-ours-012345"),
    ],
)
def test_no_word_is_said_twice_in_a_row(parts: tuple[str, str, str], name: str) -> None:
    assert trained_name(parts, _KEY, ()) == name


def names(plan: Plan) -> list[str]:
    return [one.makes for one in plan.of("training")]


def test_what_was_trained_or_begun_under_a_longer_name_keeps_it() -> None:
    study = replace(load_study("demo"), questions="human-eval-ko")
    before = plan_of(study)
    first, second, *others = before.of("training")
    assert all(one.makes == f"demo-{one.mixture}-{one.key[:6]}" for one in before.of("training"))

    kept = paths.adapters_dir() / f"demo-{first.makes}"
    kept.mkdir(parents=True)
    (kept / "adapter_config.json").write_text("{}", encoding="utf-8")
    begun = f"demo-{second.makes}"
    create(directory_of(new_id()).path, {"name": begun})

    after = plan_of(study)
    assert names(after) == [kept.name, begun, *(one.makes for one in others)]
    assert [one.key for one in after.stages] == [one.key for one in before.stages]
    assert f"demo-base+{kept.name}" in json.dumps([one.command for one in after.of("answers")])
