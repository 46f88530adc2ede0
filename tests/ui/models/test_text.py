from pathlib import Path

import pytest

from kullm_tui.core.config.settings import Config
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.catalogue import catalogue
from kullm_tui.ui.models.progress_text import ModelWork
from kullm_tui.ui.models.text import details
from tests.kullm_command import kullm


@pytest.mark.parametrize("name", ["kullm-12.8b", "koat-5.8b", "demo-kullm"])
def test_the_shell_says_of_a_model_what_the_browser_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    entry = next(entry for entry in catalogue(Memory("cpu", 24 << 30, 20 << 30), Config()) if entry.name == name)
    told = kullm(tmp_path, "models", "show", name).stdout.splitlines()
    in_the_shell = {tuple(line.split(maxsplit=1)) for line in told}
    in_the_browser = details(entry, None, ModelWork(), brief=True).plain.splitlines()
    facts = {
        tuple(line.split(maxsplit=1))
        for line in in_the_browser
        if line.startswith(("이용", "저장소", "베이스", "템플릿"))
    }
    assert len(facts) >= 2
    assert facts <= in_the_shell
