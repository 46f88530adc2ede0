import stat
from pathlib import Path

import pytest

from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_what_is_made_is_private_and_what_was_there_keeps_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    assert paths.state_dir() == tmp_path
    weights = paths.weights_cache_dir()
    assert mode(tmp_path) == 0o755
    assert [mode(folder) for folder in (weights, weights.parent, paths.adapters_dir())] == [0o700] * 3


def test_a_home_that_does_not_exist_is_made_private_with_all_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "new" / "home"))
    assert mode(paths.state_dir()) == mode(tmp_path / "new") == 0o700


@pytest.mark.parametrize("below", [".", "below"])
def test_a_file_in_the_homes_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("KULLM_HOME", str(file / below))
    with pytest.raises(ConfigError, match=str(file)):
        paths.state_dir()
