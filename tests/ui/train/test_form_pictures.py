"""A new training and the machines as pictures, in a small terminal and a comfortable one."""

import json
import os
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.models import catalogue
from kullm_tui.ui.models import choices
from kullm_tui.ui.train.machines.questions import host_key
from kullm_tui.ui.train.machines.screen import MachinesScreen
from kullm_tui.ui.train.machines.text import live_lines
from kullm_tui.ui.train.new.launching import Launching
from kullm_tui.ui.train.new.screen import NewJobScreen
from tests import nvidia_smi
from tests.ui.browsing import MEMORY
from tests.ui.snapshot import SIZES, assert_looks_like
from tests.ui.train.filling import Filling, shown
from trainer.estimate import time as speeds
from trainer.jobs.live import Live, LiveCard, LiveJob, Occupied

A100 = "NVIDIA A100-SXM4-80GB"
ROWS = [
    {"instruction": "대한민국의 수도는 어디인가요?", "output": "대한민국의 수도는 서울입니다."},
    {"instruction": "3 더하기 4는?", "output": "3 더하기 4는 7입니다."},
    {"instruction": "고맙다는 말을 영어로 해 줘.", "output": "Thank you라고 합니다."},
]
ASKED = """The authenticity of host 'a100.example.org (192.0.2.7)' can't be established.
ED25519 key fingerprint is SHA256:Q2a0ZkB5mJ8k3Yw1xTqv0cHn7oD4rE9sLpFgUiWzXyA.
This key is not known by any other names.
Are you sure you want to continue connecting (yes/no/[fingerprint])? """


@pytest.fixture(autouse=True)
def _a_computer_with_two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(catalogue, "list_cached", list)
    monkeypatch.setattr(choices, "memory_here", lambda _: MEMORY)
    monkeypatch.setattr(speeds, "_measure", lambda _facts: None)
    (tmp_path / "bin").mkdir()
    nvidia_smi.put(tmp_path / "bin", cards=2, held={1: (1, 61_000)})
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))


async def looks(one: Filling, name: str, size: tuple[int, int]) -> None:
    await one.until(lambda: bool(one.app.status.parts()))
    await assert_looks_like(one.pilot, f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES)
async def test_the_recipes(size: tuple[int, int]) -> None:
    async with shown(NewJobScreen(), size=size) as one:
        await one.tells("kullm-paper-12.8b")
        await one.press(*["down"] * 7)
        await looks(one, "train-new-recipes", size)


@pytest.mark.parametrize("size", SIZES)
async def test_the_form_with_its_plan(size: tuple[int, int]) -> None:
    async with shown(NewJobScreen("kullm-paper-12.8b"), size=size) as one:
        await one.planned()
        await one.tells("GPU 1")
        await looks(one, "train-new-form", size)


@pytest.mark.parametrize("size", SIZES)
async def test_a_form_with_a_fault_and_one_that_does_not_fit(size: tuple[int, int]) -> None:
    async with shown(NewJobScreen("koalpaca-5.8b"), size=size) as one:
        await one.planned()
        await one.puts("data.cutoff", "4096")
        await one.puts("train.batch", "많이")
        await one.until(lambda: one.form.row("train.batch").has_class("-faulty"))  # type: ignore[union-attr]
        await looks(one, "train-new-fault", size)
        await one.puts("train.batch", "256")
        await one.planned()
        await one.tells("들어가지 않아요")
        await looks(one, "train-new-unfit", size)


async def test_the_form_in_the_colours_of_a_light_terminal() -> None:
    size = SIZES[-1]
    async with shown(NewJobScreen("kullm-paper-12.8b"), size=size) as one:
        one.app.theme = "ansi-light"
        await one.planned()
        await one.puts("train.batch", "많이")
        await one.until(lambda: one.form.row("train.batch").has_class("-faulty"))  # type: ignore[union-attr]
        await looks(one, "train-new-ansi-light", size)


@pytest.mark.parametrize("size", SIZES)
async def test_the_form_in_english(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    async with shown(NewJobScreen("demo-kullm"), size=size) as one:
        await one.planned()
        await one.tells("GPU 1")
        await looks(one, "train-new-form-en", size)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_trained(size: tuple[int, int]) -> None:
    async with shown(NewJobScreen("demo-kullm"), size=size) as one:
        await one.until(lambda: one.form.draft)
        await one.puts("data.source", "mine.jsonl")
        await one.planned()
        await one.press("f3")
        await one.tells("1번째 행")
        await looks(one, "train-new-trained", size)


@pytest.mark.parametrize("size", SIZES)
async def test_a_job_on_its_way(size: tuple[int, int]) -> None:
    async with shown(NewJobScreen("kullm-paper-12.8b"), size=size) as one:
        await one.planned()
        launching = one.screen.query_one(Launching)
        one.screen.add_class("-launching")
        launching.begin_telling("a100에서 38시간 학습 시작 · 약 $152")
        launching.say_step("학습 환경을 만들어요. 다음 학습부터는 이 환경을 그대로 써요.", stays=True)
        launching.say_step("베이스 모델 올리는 중 … 3.1 GB / 25.8 GB", stays=False)
        await looks(one, "train-new-launching", size)


@pytest.mark.parametrize("size", SIZES)
async def test_the_machines(size: tuple[int, int]) -> None:
    put_row("machines", {"name": "a100", "ssh": "a100", "gpus": "4xA100-80GB", "price_per_hour": 4.0})
    put_row("machines", {"name": "lab", "ssh": "me@lab.example.org", "gpus": "1xRTX-4090"})
    put_row("machines", {"name": "cluster", "ssh": "login", "launcher": "slurm", "partition": "gpu"})
    async with shown(MachinesScreen(), size=size) as one:
        await one.tells("$4/h")
        await looks(one, "train-machines", size)
        assert isinstance(one.screen, MachinesScreen)
        one.screen.show_lines(live_lines(_busy(), one.screen.page_width))
        await looks(one, "train-machines-live", size)
        await one.app.push_screen(host_key(ASKED))
        await looks(one, "train-machines-host-key", size)


def _busy() -> Live:
    free = LiveCard(0, A100, 4 << 20, 80 << 30, 0, 61.4, 34, ())
    ours = LiveCard(1, A100, 71 << 30, 80 << 30, 98, 391.0, 66, (Occupied(4117, "me", 70.6, True),))
    theirs = LiveCard(2, A100, 31 << 30, 80 << 30, 100, 402.5, 71, (Occupied(982, "jiwoo", 30.5, False),))
    hidden = LiveCard(3, A100, 12 << 30, 80 << 30, None, None, None, (Occupied(77, "", 11.2, False),))
    queue = {"place": 1, "why": "cards", "free": 1, "wanted": 2, "on": []}
    jobs = (
        LiveJob("01A", "kullm-paper-1", "RUNNING", 0, {}),
        LiveJob("01B", "koalpaca-2", "QUEUED", 1, {"queue": queue}),
    )
    return Live("a100", (free, ours, theirs, hidden), 812 << 30, jobs, 0.0)
