"""A study as it stands, which studies there are, and what somebody must agree to before one begins."""

from pathlib import Path

import pytest

from kullm_tui.core.errors import UsageError
from kullm_tui.studies.agreement import question_of
from kullm_tui.studies.bill import Bill, Item
from kullm_tui.studies.marks import log_of, put_mark
from kullm_tui.studies.seen import require_parts, seen
from kullm_tui.studies.shelf import known_studies, note_begun
from kullm_tui.studies.stages import plan_of, whole_command
from kullm_tui.studies.study import load_study
from kullm_tui.studies.text import outcome_text
from tests.studies.small import as_if_trained, own_study


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_what_is_done_what_was_said_last_and_what_is_missing_are_seen(tmp_path: Path) -> None:
    plan = plan_of(load_study(str(own_study(tmp_path))).trained_on("lab"), judges=["gpt-4.1"])
    sources, mixtures = plan.stage("sources"), plan.stage("mixtures")
    put_mark("own", sources, seconds=2.0, result={"to_pay": 1200, "dollars": 0.03})
    log_of("own", mixtures).write_text("".join(f"line {one}\n" for one in range(50)), encoding="utf-8")

    found = seen(plan)

    assert found.next_of(plan) == mixtures
    assert outcome_text(sources, found.marks["sources"].result) == "1,200 characters to translate, $0.0300"
    assert list(found.said) == ["mixtures"]
    assert found.said["mixtures"].words.splitlines()[-1] == "line 49"
    assert [one for one in found.missing if "OPENAI_API_KEY" in one]
    assert [one for one in found.missing if "'lab'" in one]


def test_one_of_ones_own_is_known_once_it_was_begun_as_long_as_its_file_is_there(tmp_path: Path) -> None:
    study = load_study(str(own_study(tmp_path)))
    assert known_studies() == ["demo", "paper"]

    note_begun(study)
    assert known_studies() == ["demo", "paper", str(study.file)]
    assert whole_command(str(study.file), judges=["a/b"], machine="lab") == f"kullm paper --study {study.file} --on lab --judge a/b"  # fmt: skip

    study.file.unlink()
    assert known_studies() == ["demo", "paper"]


def test_a_machine_must_be_there_only_while_something_is_to_be_trained_on_it(tmp_path: Path) -> None:
    plan = plan_of(load_study(str(own_study(tmp_path))).trained_on("lab"))
    with pytest.raises(UsageError, match="'lab'"):
        require_parts(plan)

    as_if_trained(plan, [1, 4, 8])
    require_parts(plan)


@pytest.mark.parametrize(
    ("seconds", "dollars", "consequence"),
    [(60.0, 0.0, ""), (7200.0, 0.0, "Begin · 2 h"), (None, 0.0, "Begin · time unknown"), (60.0, 3.5, "Begin · $3.50, 60 s")],
)  # fmt: skip
def test_money_and_hours_are_agreed_to_first(
    tmp_path: Path, seconds: float | None, dollars: float, consequence: str
) -> None:
    plan = plan_of(load_study(str(own_study(tmp_path))))
    bill = Bill((Item("a", "seconds", seconds, "assumed"), Item("b", "dollars", dollars, "assumed")))

    found = question_of(plan, bill)

    assert (found.consequence if found else "") == consequence
