"""`kullm train --feedback --on MACHINE` through a real sshd: what of the user's words travels once it was agreed to, and what never does."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import Config, MachineSettings
from kullm_tui.core.store.store import Store
from kullm_tui.feedback import course
from kullm_tui.feedback.recipe_choice import recipe_for, taught_by
from kullm_tui.feedback.teaching import drawn_up
from tests.commands.train.test_feedback import RIGHT, SECRET, WORDINGS
from tests.feedback.said import answered, compared
from tests.kullm_command import kullm
from tests.sshd import ALIAS, Sshd, sshd
from trainer.estimate.machines import this_machine
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows
from trainer.jobs.card import card
from trainer.jobs.dispatch import carry_out, draft
from trainer.jobs.machines import client_of
from trainer.jobs.prospect import prospect
from trainer.jobs.registry import known_in
from trainer.jobs.telling import Telling
from trainer.recipe import recipe_with

PHONE = "010-1234-5678"
UNSAID = "아무도 고치지 않은 답이에요."
SHORT = ("train.epochs=1", "train.batch=104", "model.precision=fp32")  # two steps
TRAIN = ("train", "--feedback", "--few", "--on", "box", *(part for one in SHORT for part in ("--set", one)))


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with sshd(tmp_path / "sshd") as one:
        for name, value in {**one.variables, "KULLM_HOME": str(tmp_path / "laptop"), "KULLM_LANG": "en"}.items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    home = tmp_path / "laptop"
    home.mkdir()
    with Store(home / "kullm.db") as store:
        for number, question in enumerate(WORDINGS):
            store.correct(answered(store, question, f"7 곱하기 2는 1{number + 5}입니다."), RIGHT)
        for question in ("전화는?", "번호는?", "연락처는?"):  # not all of them are held out
            store.correct(answered(store, question, "몰라요."), f"{PHONE}로 전화하세요.")
        store.mark(answered(store, "비밀?", SECRET), "never")
        store.correct(answered(store, "비밀을 말해 줘", "아니요."), SECRET)
        compared(store, "비밀이 뭐야?", [SECRET, "몰라요."], "best", 0)
        answered(store, "날씨는?", UNSAID)
    return home


def holding(folder: Path, words: str) -> list[Path]:
    """The files with these words; one that is linked several times counts once."""
    files = {path.stat().st_ino: path for path in sorted(folder.rglob("*")) if path.is_file()}
    return [path for path in files.values() if words.encode() in path.read_bytes()]


def only_lessons_came(here: JobDirectory, there: JobDirectory, home: Path) -> None:
    source = Path(document(there.spec)["recipe"]["data"]["source"])
    assert source.is_relative_to(home / ".kullm" / "trees")
    assert source.read_bytes() == here.lessons.read_bytes()
    held_out = [json.loads(line)["prompt"][-1]["content"] for line in here.held_out.read_text().splitlines()]
    assert held_out
    for words in (SECRET, UNSAID, *held_out):
        assert holding(home, words) == [], words
    for words in (PHONE, RIGHT):
        assert [one.stat().st_ino for one in holding(home, words)] == [source.stat().st_ino], words


def added(laptop: Path, env: dict[str, str]) -> None:
    done = kullm(laptop, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
    assert done.returncode == 0, done.stderr


def test_what_is_personal_is_planned_with_and_sent_nowhere_unasked(laptop: Path, box: Sshd) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    added(laptop, env)
    plan = kullm(laptop, *TRAIN, "--plan", "--json", env=env)
    assert plan.returncode == 0, plan.stderr
    assert "personal data" in plan.stderr
    assert json.loads(plan.stdout)["dispatch"]["payload_bytes"] > 1 << 20
    refused = kullm(laptop, *TRAIN, env=env)
    assert refused.returncode != 0
    assert "Nothing was sent" in refused.stderr
    assert list((laptop / "jobs").iterdir()) == []
    assert holding(box.home, WORDINGS[0]) == holding(box.home, PHONE) == []


def test_the_lessons_arrive_and_nothing_else_of_what_was_said(laptop: Path, box: Sshd, tmp_path: Path) -> None:
    """A program that does nothing trains in the trainer's place: this is about what it would have found."""
    machine = MachineSettings("box", ALIAS, python=sys.executable)
    with Store(laptop / "kullm.db") as store:
        drawn = drawn_up(store, Config(), few=True)
    with course.written(drawn.course) as job:
        recipe = taught_by(recipe_for(drawn.student, this_machine()), drawn.student, job.lessons, pairs=True)
        found = prospect(recipe_with(recipe, SHORT), machine, client_of(machine), gpus=None, lengths=None)
        here = draft(found, name="taught-1", argv=[], known_as=job.id)
    assert here.lessons.is_file(), "its folder stays, since it is a job now"
    assert found.facts
    idle = tmp_path / "idle"
    idle.write_text("#!/bin/sh\nexit 0\n")
    idle.chmod(0o755)
    facts = replace(found.facts, told={**found.facts.told, "executable": str(idle)})
    carry_out(here, machine, client_of(machine), Telling(lambda _: None, lambda _: None), facts)
    only_lessons_came(here, JobDirectory(box.home / ".kullm" / "jobs" / here.id), box.home)
    assert card(known_in(here))["data"] == str(here.lessons), "as this computer calls it"


@pytest.mark.soak
def test_what_was_said_is_taught_elsewhere_and_the_adapter_says_so_here(laptop: Path, box: Sshd) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    added(laptop, env)
    done = kullm(laptop, *TRAIN, "--yes", env=env, seconds=1800)
    assert done.returncode == 0, done.stderr
    [mirror] = (laptop / "jobs").iterdir()
    there = JobDirectory(box.home / ".kullm" / "jobs" / mirror.name)
    assert [row["step"] for row in rows(there.metrics)] == [1, 2]
    only_lessons_came(JobDirectory(mirror), there, box.home)
    told = kullm(laptop, "adapters", "card", "taught-1", env=env).stdout
    assert all(words in told for words in ("demo:kullm", str(JobDirectory(mirror).lessons), "corrections 8"))
