"""A new training filled in: each fault at its field, the plan after each change, the change that makes it fit, what is trained."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.ui.train.new.screen import NewJobScreen
from tests.trainer.sets import json_lines
from tests.trainer.test_built_sets import build
from tests.training import ROWS
from tests.training import base as base
from tests.training import home as home
from tests.ui.train.filling import shown
from trainer.estimate import time as speeds
from trainer.estimate.estimate import plan_run
from trainer.jobs.start_here import new_job
from trainer.jobs.tokenising import known_lengths
from trainer.recipe import load_recipe, recipe_or_faults
from trainer.recipe_draft import draft_like


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nobody measuring: what a screen does with a measurement is no matter of how long it takes."""
    monkeypatch.setenv("KULLM_HOME", str(home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setattr(speeds, "_measure", lambda _facts: None)
    monkeypatch.chdir(home)


def tiny(home: Path) -> str:
    return str(home / "tiny.toml")


async def test_a_recipe_is_chosen_from_the_list_and_escape_leads_back_to_it() -> None:
    async with shown(NewJobScreen()) as one:
        await one.tells("kullm-paper-12.8b-8bit")
        await one.press("down", "down", "down")
        await one.tells("demo-base (auto) · LoRA r16 · demo:kullm · 3분")
        await one.press("enter")
        await one.planned()
        assert one.form.row("data.source") is not None
        await one.press("escape")
        await one.tells("내 레시피 파일 열기")
        await one.press("escape")
        assert one.left == [None]


async def test_nonsense_is_told_at_its_field_and_nothing_can_be_begun_until_it_is_mended(home: Path) -> None:
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        await one.puts("train.epochs", "두 번")
        await one.puts("method.rank", "0")
        row = one.form.row("train.epochs")
        assert row is not None
        await one.until(lambda: row.has_class("-faulty"))
        assert one.told("수여야 해요")
        assert one.button.disabled
        await one.press("ctrl+r")
        await one.tells("아직 시작할 수 없어요")
        await one.puts("train.epochs", "1")
        await one.puts("method.rank", "8")
        await one.planned()
        assert not row.has_class("-faulty")
        assert one.plan.outlook
        assert one.plan.outlook.plan.recipe.method.rank == 8


async def test_a_file_that_is_not_there_and_one_with_other_columns_are_told_at_the_data(home: Path) -> None:
    (home / "other.jsonl").write_text('{"질문": "1 더하기 1은?", "대답": "2"}\n')
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        row = one.form.row("data.source")
        assert row is not None
        await one.puts("data.source", "nowhere.jsonl")
        await one.tells("그런 파일이 없어요")
        await one.puts("data.source", str(home / "other.jsonl"))
        await one.until(lambda: row.has_class("-faulty") and not one.told("그런 파일이 없어요"))
        await one.puts("data.columns", "instruction=질문, output=대답")
        await one.planned()
        assert not row.has_class("-faulty")


async def test_files_and_built_mixtures_are_trained_on_together_each_on_its_own_line(home: Path) -> None:
    built = build("small", small=5)
    json_lines(home / "mine.jsonl", ROWS[:4])
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        sources = one.form.sources
        sources.rows[1].editor.focus()
        await one.press("f9")
        await one.tells("mixture:small 5행")
        await one.press("down", "enter")
        await one.until(lambda: len(sources.rows) == 3 and sources.rows[1].text == "mixture:small")
        await one.planned()
        sources.rows[2].editor.focus()
        await one.press(*"mine.jsonx")
        await one.until(lambda: sources.rows[2].has_class("-faulty"))
        assert one.told("그런 파일이 없어요")
        assert [row.has_class("-faulty") for row in sources.rows] == [False, False, True, False]
        assert one.button.disabled
        await one.press("backspace", "l")
        await one.planned()
        recipe = one.plan.outlook.plan.asked  # type: ignore[union-attr]
        assert recipe.data.sources[1:] == (str(built / "small.jsonl"), str(home / "mine.jsonl"))
        sources.rows[1].text = ""  # an empty line among others is none
        sources.rows[2].editor.focus()
        await one.press(*["backspace"] * 20)
        await one.until(lambda: len(sources.rows) == 3)
        await one.planned()
        assert one.form.draft
        assert not one.form.draft.typed


async def test_the_plan_follows_each_change_and_the_button_says_what_it_will_do(home: Path) -> None:
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        assert one.plan.outlook
        before = one.plan.outlook.plan
        assert str(one.button.label).startswith("이 컴퓨터에서 ")
        assert str(one.button.label).endswith("학습 시작")
        await one.puts("train.epochs", "20")
        await one.until(lambda: one.plan.outlook and one.plan.outlook.plan.steps == 10 * before.steps)
        await one.planned()
        assert one.plan.outlook.plan.tokens.value == pytest.approx(10 * before.tokens.value)


async def test_what_does_not_fit_is_one_key_away_from_fitting() -> None:
    put_row("machines", {"name": "lab", "ssh": "nobody@192.0.2.1", "gpus": "1xRTX-4090", "launcher": "detached"})
    async with shown(NewJobScreen("kullm-paper-5.8b")) as one:
        await one.until(lambda: one.plan.outlook is not None)
        await one.puts("machine", "lab")
        await one.until(lambda: one.plan.outlook is not None and one.plan.outlook.machine == "lab")
        await one.puts("data.cutoff", "2048")
        await one.puts("train.micro_tokens", "65536")
        await one.until(lambda: one.plan.outlook is not None and one.plan.outlook.change is not None)
        await one.tells("메모리에 들어가지 않아요")
        await one.press("f2")
        await one.until(lambda: one.plan.outlook is not None and one.plan.outlook.plan.fit.fits)
        assert not one.told("메모리에 들어가지 않아요")


async def test_what_is_trained_is_seen_before_it_begins(home: Path) -> None:
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        await one.press("f3")
        await one.tells("1번째 행")
        await one.tells("3번째 행")
        assert one.told("답은 3입니다.")
        await one.press("escape")
        assert one.app.screen is one.screen


async def test_all_fields_are_there_and_those_of_another_method_come_with_it(home: Path) -> None:
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        assert not one.told("시드")
        await one.press("f6")
        await one.until(lambda: one.form.row("train.seed"))
        length = one.form.row("method.adapter_len")
        assert length is not None
        assert not length.display
        await one.puts("method.kind", "llama-adapter")
        await one.until(lambda: length.display)


async def test_another_language_renames_the_form_and_keeps_what_was_filled_in(home: Path) -> None:
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        await one.puts("train.batch", "16")
        await one.app.choose_language("en")
        await one.tells("learning rate")
        row = one.form.row("train.batch")
        assert row is not None
        assert row.text == "16"
        await one.until(lambda: str(one.button.label).startswith("Train for "))


async def test_no_key_waits_for_a_plan(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that reckons, reads or asks is done in threads."""
    at_work: set[threading.Thread] = set()

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*asked: Any, **named: Any) -> Any:
            at_work.add(threading.current_thread())
            return function(*asked, **named)

        return call

    monkeypatch.setattr("trainer.jobs.outlook.plan_run", noted(plan_run))
    monkeypatch.setattr("trainer.jobs.outlook.known_lengths", noted(known_lengths))
    monkeypatch.setattr("trainer.recipe_draft.recipe_or_faults", noted(recipe_or_faults))
    async with shown(NewJobScreen(tiny(home))) as one:
        await one.planned()
        at_work.clear()
        await one.puts("train.epochs", "5")
        await one.puts("train.batch", "16")
        await one.planned()
        assert at_work
        assert threading.main_thread() not in at_work


@pytest.mark.parametrize(("on", "gpus"), [("2xA100-80GB", 2), ("", None), ("cpu", None), ("no such card", None)])
def test_a_copy_of_a_job_of_this_computer_keeps_its_share_of_the_cards(home: Path, on: str, gpus: int | None) -> None:
    job = new_job(load_recipe(str(home / "tiny.toml")), ["train", "tiny.toml"], name="first", on=on)
    assert draft_like(job.id).gpus == gpus


async def test_a_path_that_is_longer_than_its_field_is_seen(home: Path) -> None:
    long = "/".join(["이름이 긴 폴더"] * 12) + "/lessons.jsonl"
    async with shown(NewJobScreen(tiny(home), data=long)) as one:
        await one.tells("이름이 긴 폴더/이름이 긴 폴더")
        row = one.form.row("data.source")
        assert row is not None
        row.editor.focus()
        await one.tells("이름이 긴 폴더/lessons.jsonl")
