"""What lies where others may write is not believed, and nothing of it is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kullm_tui.core import trust
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.endpoints.local_engine import EngineFiles, EngineState
from kullm_tui.core.errors import ConfigError

SOMEBODY = 12345


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("KULLM_HOME", str(home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return home


def kullm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "kullm_tui", *arguments], capture_output=True, text=True)


def test_a_home_where_others_may_write_names_the_command_that_mends_it(home: Path) -> None:
    home.chmod(0o757)

    done = kullm("keys", "list")

    assert done.returncode == 1
    command = done.stderr.strip().rpartition(": ")[2]
    assert subprocess.run(command, shell=True).returncode == 0
    assert kullm("keys", "list").returncode == 0


def test_a_home_that_others_may_only_look_into_is_believed(home: Path) -> None:
    home.chmod(0o755)

    trust.check_homes()


def test_a_home_that_anybody_may_replace_is_not_believed(home: Path) -> None:
    home.parent.chmod(0o777)

    with pytest.raises(ConfigError, match="chmod go-w"):
        trust.check_homes()
    home.parent.chmod(0o1777)
    trust.check_homes()


def test_keys_that_others_may_write_are_not_used(home: Path) -> None:
    file = home / "keys.json"
    file.write_text(json.dumps({"keys": {"LAB": "planted"}, "keyring": []}))
    file.chmod(0o666)

    with pytest.raises(ConfigError, match="chmod go-w"):
        get_key("LAB")


@pytest.mark.root
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("planted", ["other owner", "writable", "link"])
def test_a_planted_engine_is_not_talked_to(tmp_path: Path, planted: str) -> None:
    files = EngineFiles()
    state = EngineState(pid=os.getpid(), url="http://evil.example", token="t", version="1")
    files.publish(state)
    if planted == "other owner":
        os.chown(files.state, SOMEBODY, SOMEBODY)
    elif planted == "writable":
        files.state.chmod(0o666)
    else:
        files.state.rename(tmp_path / "elsewhere.json")
        os.chown(tmp_path / "elsewhere.json", SOMEBODY, SOMEBODY)
        files.state.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(ConfigError):
        files.read_state()


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("pid", [-1, 0, 1, "1234", 3.5, True, None])
def test_no_process_is_ended_by_a_number_that_is_none_of_an_engine(pid: object) -> None:
    files = EngineFiles()
    files.publish(EngineState(pid=2, url="http://127.0.0.1:1", token="t", version="1"))
    facts = json.loads(files.state.read_text()) | {"pid": pid}
    files.state.write_text(json.dumps(facts))

    assert files.read_state() is None
