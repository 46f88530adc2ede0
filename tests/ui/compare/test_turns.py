"""Models that do not fit into memory together answer in turns, swapped for the user, and the screen says so."""

from pathlib import Path

import pytest

from kullm_tui.core.config.settings import EngineSettings
from kullm_tui.core.store.contestant import Contestant
from tests.tiny_models import Shape, save_model
from tests.ui.comparing import comparing


async def test_bases_that_do_not_fit_take_turns_and_all_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models of about 70 MB, and an engine that may take 100."""
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    (tmp_path / "config.toml").write_text('[engine]\nmemory_gb = 0.1\nprecision = "fp32"\ndevice = "cpu"\n')
    engine = EngineSettings(precision="fp32", device="cpu", memory_gb=0.1)
    shape = Shape(hidden=512, layers=8, heads=4, context=256)
    folders = [save_model(tmp_path / name, seed=seed, shape=shape) for seed, name in enumerate(("one", "two"))]
    contestants = [Contestant(str(folder)) for folder in folders]
    async with comparing(tmp_path / "kullm.db", contestants=contestants, engine=engine) as here:
        assert here.heads == ["one", "two"]
        await here.until(lambda: here.told("2번에 나누어 차례로"))
        here.controller.choice.session = here.controller.choice.session.with_decoding({"max_tokens": 8})
        await here.sends("물음")
        await here.until(lambda: here.told("차례를 기다려요"))
        assert here.controller.live(1) is None, "nobody is asked for while another has to stay"
        await here.until(lambda: not here.controller.busy, seconds=60)
        assert [here.controller.turns(place)[-1].state for place in range(2)] == ["complete", "complete"]
