"""What a study asks: the demo's questions are made once and kept under what decides them, and the kept ones are the made ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from data.demo import questions as demo
from evaluator.questions import load_questions
from kullm_tui.core import paths
from kullm_tui.studies import questions
from kullm_tui.studies.study import Study, load_study


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


def asked(study: Study) -> list[str]:
    return [one.instruction for one in load_questions(questions.asked_for(study)).questions]


def test_the_demos_questions_are_made_once_and_then_read(monkeypatch: pytest.MonkeyPatch) -> None:
    study = replace(load_study("demo"), limit=7)
    made, digest = asked(study), questions.digest(study)
    assert made == [one.text for one in demo.heldout(7)]

    def unused(_limit: int) -> list[demo.Question]:
        raise AssertionError("they were made again")

    monkeypatch.setattr("kullm_tui.feedback.held_out.heldout", unused)
    assert (asked(study), questions.digest(study), questions.count(study)) == (made, digest, 7)
    with pytest.raises(AssertionError, match="made again"):
        questions.digest(replace(study, limit=8))


def test_a_change_to_what_makes_them_makes_them_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, source = replace(load_study("demo"), limit=3), tmp_path / "tables.toml"
    monkeypatch.setattr("data.demo.corpus.made_from", lambda: [source])
    for text in ("one", "two", "one"):
        source.write_text(text, encoding="utf-8")
        questions.digest(study)

    assert len(list((paths.cache_dir() / "questions").glob("demo-*.jsonl"))) == 2


def test_a_file_of_ones_own_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    study = replace(load_study("demo"), questions=str(file))
    digests = []
    for text in ("하나?", "둘?"):
        file.write_text(f'{{"id": "1", "instruction": "{text}"}}\n', encoding="utf-8")
        assert asked(study) == [text]
        digests.append(questions.digest(study))
    assert digests[0] != digests[1]
