import json
import tomllib
from pathlib import Path

from kullm_tui.core.config.settings import Config, parse_config
from tests.kullm_command import kullm


def test_the_path_is_told_even_before_the_file_exists(tmp_path: Path) -> None:
    assert kullm(tmp_path, "config", "path").stdout == f"{tmp_path}/config.toml\n"


def test_what_is_shown_can_be_used_as_a_file(tmp_path: Path) -> None:
    shown = kullm(tmp_path, "config", "show").stdout
    assert parse_config(shown) == Config()
    kullm(tmp_path, "config", "set", "endpoints.home.base_url", "http://127.0.0.1:8000/v1")
    kullm(tmp_path, "config", "set", "model", 'home/"따옴표"')
    again = kullm(tmp_path, "config", "show").stdout
    assert parse_config(again) == parse_config((tmp_path / "config.toml").read_text())
    assert tomllib.loads(again)["model"] == 'home/"따옴표"'


def test_json_holds_every_setting(tmp_path: Path) -> None:
    shown = json.loads(kullm(tmp_path, "config", "show", "--json").stdout)
    assert shown["engine"]["max_rows"] == 8
    assert shown["endpoints"] == []


def test_a_wrong_change_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    done = kullm(tmp_path, "config", "set", "modle", "x")
    assert done.returncode == 1
    assert "혹시 model인가요" in done.stderr
    assert not (tmp_path / "config.toml").exists()


def test_a_model_that_is_not_here_is_chosen_with_a_word_on_how_it_comes(tmp_path: Path) -> None:
    done = kullm(tmp_path, "config", "set", "model", "kullm-5.8b")
    assert done.returncode == 0
    assert "kullm models pull kullm-5.8b" in done.stderr
    assert json.loads(kullm(tmp_path, "config", "show", "--json").stdout)["model"] == "kullm-5.8b"
    for known in ("demo-kullm", ""):
        assert kullm(tmp_path, "config", "set", "model", known).stderr == ""
