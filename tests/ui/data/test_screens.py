"""The data mode with real builds of the demo's corpus: built, stopped, looked at, changed by hand, trained on."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from data.patches import patch_file, read_patch
from data.shelf import built_facts
from kullm_tui.core.config.settings import Config
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.data.rows_screen import RowsScreen
from kullm_tui.ui.data.screen import DataScreen
from kullm_tui.ui.train.new.screen import NewJobScreen
from tests.deepl_server import DeepLServer
from tests.ui.driving import Driven
from tests.ui.snapshot import SIZES, assert_looks_like

SMALL = """summary = "처음 삼백 행"
summary_en = "the first three hundred rows"
[steps]
decontaminate = []
paper = false
strict = false
duplicates = 0
[[sources]]
name = "demo"
rows = 300
"""

MOVED = """summary = "옮긴 것"
[steps]
decontaminate = []
paper = false
strict = false
[[sources]]
name = "english"
file = "english.jsonl"
language = "en"
"""


@pytest.fixture(autouse=True)
def _small_mixture(home: Path) -> None:
    (home / "mixtures").mkdir(parents=True)
    (home / "mixtures" / "small.toml").write_text(SMALL)
    (home / "mixtures" / "middle.toml").write_text(SMALL.replace("rows = 300", "rows = 3000"))
    # Large enough to be met at work.
    (home / "mixtures" / "large.toml").write_text(SMALL.replace("rows = 300", "rows = 15000"))


@asynccontextmanager
async def data_mode(size: tuple[int, int] = (140, 45)) -> AsyncIterator[Driven]:
    app = KullmApp(config=Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Driven(app, pilot)
        await pilot.press("f11")
        await one.until(lambda: isinstance(app.screen, DataScreen) and app.screen.chosen)
        await chooses(one, "small")
        yield one


async def chooses(one: Driven, name: str) -> None:
    await one.press("home")
    for _ in range(20):
        assert isinstance(one.app.screen, DataScreen)
        if one.app.screen.chosen and one.app.screen.chosen.known.name == name:
            return
        await one.press("down")
    raise AssertionError(one.shown)


async def built(one: Driven) -> None:
    await one.press("b")
    await one.until(lambda: one.app.builds.last and not one.app.builds.active)
    assert one.app.builds.last
    assert not one.app.builds.last.error
    await one.tells("만든 것")


async def test_a_mixture_is_built_and_its_rows_are_looked_at() -> None:
    async with data_mode() as one:
        await built(one)
        await one.tells("300행")
        await one.press("enter")
        await one.until(lambda: isinstance(one.app.screen, RowsScreen))
        await one.tells("쓰는 행 · small · 300", "답변")
        await one.press("v")
        await one.tells("### 응답:", "답변의 길이")
        await one.press("v", "escape")
        await one.until(lambda: isinstance(one.app.screen, DataScreen))


async def test_a_row_is_changed_and_another_dropped_by_hand_and_the_next_build_has_it_so(home: Path) -> None:
    async with data_mode() as one:
        await built(one)
        await one.press("enter")
        await one.tells("쓰는 행")
        await one.press("delete")
        await one.tells("적어 두었어요")
        await one.press("down", "e")
        await one.tells("행 고치기")
        await one.press("ctrl+end", *"고친 답", "ctrl+s")
        await one.until(lambda: len(read_patch(patch_file("small")).changes) == 2)
        await one.press("escape")
        await one.until(lambda: isinstance(one.app.screen, DataScreen))
        await built(one)
        facts = built_facts("small")
        assert facts
        assert facts.rows == 299
        assert "고친 답" in facts.outputs[0].lines.read_text()
        await one.tells("직접 뺌 1")
    assert patch_file("small").is_relative_to(home)


async def test_what_a_step_rejected_stands_with_its_reason() -> None:
    async with data_mode() as one:
        await chooses(one, "middle")
        await built(one)
        await one.press("enter")
        await one.tells("쓰는 행")
        await one.press("f")
        await one.tells("읽기 · 같은 행", "의 행과 같아요")


async def test_words_find_rows() -> None:
    async with data_mode() as one:
        await built(one)
        await one.press("enter")
        await one.tells("쓰는 행")
        await one.press("slash", *"수도", "enter")
        await one.tells("행 찾음")
        await one.press("escape")
        await one.until(lambda: not one.told("행 찾음"))


async def test_a_build_is_stopped_and_gone_on_with() -> None:
    async with data_mode() as one:
        await chooses(one, "large")
        await one.press("b")
        await one.tells("만드는 중")
        await one.until(lambda: one.app.builds.last and one.app.builds.last.steps)
        await one.press("s")
        await one.tells("멈췄어요. b를 누르면 이어서 만들어요.")
        assert built_facts("large") is None
        await built(one)


async def test_what_was_built_is_one_key_from_a_training() -> None:
    async with data_mode() as one:
        await built(one)
        await one.press("t")
        await one.until(lambda: isinstance(one.app.screen, NewJobScreen))
        await one.tells("demo-kullm")
        await one.press("enter")  # whichever recipe stands first
        screen = one.app.screen
        assert isinstance(screen, NewJobScreen)
        await one.until(lambda: screen.has_class("-filling"))
        facts = built_facts("small")
        assert facts
        assert screen.form.draft.filled()[0].data.source == str(facts.outputs[0].lines)  # type: ignore[union-attr]


async def test_a_translation_is_priced_and_agreed_to_before_anything_is_sent(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "mixtures" / "moved.toml").write_text(MOVED)
    row = {"instruction": "What is old?", "input": "", "output": "Old is what has been here for a long time."}
    (home / "mixtures" / "english.jsonl").write_text(json.dumps(row) + "\n")
    with DeepLServer() as server:
        monkeypatch.setenv("KULLM_DEEPL_URL", server.url)
        monkeypatch.setenv("DEEPL_AUTH_KEY", server.key)
        async with data_mode() as one:
            await chooses(one, "moved")
            await one.press("b")
            await one.tells("번역할까요?", server.url, "번역하기 · 약 $")
            await one.press("escape")
            await one.tells("아무것도 보내지 않았어요")
            assert not server.calls
            await one.press("b")
            await one.tells("번역할까요?")
            await one.press("enter")
            await one.tells("만든 것")
            assert server.calls
            await one.press("enter")
            await one.tells("쓰는 행", "What is old?")  # what it was translated from stands beside it


async def test_the_sources_stand_with_their_licences() -> None:
    async with data_mode((80, 24)) as one:
        await one.press("g")
        await one.tells("gpt4-llm", "CC BY-NC 4.0", "52,002")
        await one.press("enter", "end")
        await one.tells("비상업으로만")
        await one.press("escape", "escape")
        await one.until(lambda: isinstance(one.app.screen, DataScreen))


async def test_quitting_while_a_set_is_built_asks_and_the_next_app_goes_on() -> None:
    async with data_mode() as one:
        await chooses(one, "large")
        await one.press("b")
        await one.until(lambda: one.app.builds.last and one.app.builds.last.steps)
        await one.press("ctrl+q")
        await one.tells("데이터를 만드는 중이에요. 끝낼까요?", "멈추고 끝내기")
        await one.press("left", "enter")
        await one.until(lambda: not one.app.builds.active)
        assert built_facts("large")


async def test_a_mixture_of_ones_own_begins_as_another(home: Path) -> None:
    async with data_mode() as one:
        await one.press("n")
        await one.tells("이름은요?")
        await one.press(*"small", "enter")
        await one.tells("이미 있는 이름이에요")
        await one.press(*"er", "enter")
        await one.tells("smaller")
        assert (home / "mixtures" / "smaller.toml").read_text() == SMALL


async def test_a_file_that_is_no_mixture_says_what_is_wrong_with_it(home: Path) -> None:
    (home / "mixtures" / "broken.toml").write_text('summary = 3\n[[sources]]\nrow = "x"\n')
    async with data_mode() as one:
        await chooses(one, "broken")
        await one.tells("summary:", "sources[1].name: 빠져 있어요", "혹시 rows인가요?")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("_still_machine")
async def test_pictures(size: tuple[int, int]) -> None:
    wide = f"{size[0]}x{size[1]}"
    async with data_mode(size) as one:
        await one.until(lambda: bool(one.app.status.parts()))
        await assert_looks_like(one.pilot, f"data-{wide}")
        await built(one)
        await assert_looks_like(one.pilot, f"data-built-{wide}")
        await one.press("enter")
        await one.tells("쓰는 행")
        await assert_looks_like(one.pilot, f"data-rows-{wide}")
        await one.press("v")
        await one.tells("### 응답:")
        await assert_looks_like(one.pilot, f"data-trained-{wide}")
        await one.press("v", "e")
        await one.tells("행 고치기")
        await assert_looks_like(one.pilot, f"data-edit-{wide}")
