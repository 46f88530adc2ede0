import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from kullm_tui.core.processor import runnable_paths
from tests.kullm_command import kullm


def verdicts(home: Path, **env: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = kullm(home, "doctor", "--json", env=env)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {row["check"]: row for row in report["checks"]}


def test_a_healthy_machine_has_no_problem(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = kullm(tmp_path, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 13
    assert all(line.startswith(("정상  ", "주의  ")) for line in lines)


def test_every_check_is_in_the_json(tmp_path: Path) -> None:
    code, found = verdicts(tmp_path)
    assert code == 0
    assert len(found) == 13
    assert {row["verdict"] for row in found.values()} <= {"fine", "notice"}


def test_a_broken_configuration_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("modle = 1")
    code, found = verdicts(tmp_path)
    assert code == 1
    assert found["설정"]["verdict"] == "problem"
    assert "혹시 model인가요" in found["설정"]["text"]


def test_a_key_over_plain_http_is_worth_a_notice(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('endpoints = [{name = "a", base_url = "http://gpu01/v1", key = "K"}]')
    code, found = verdicts(tmp_path)
    assert (code, found["설정"]["verdict"]) == (0, "notice")


def test_the_hubs_token_is_found_where_the_hubs_own_tools_keep_it(tmp_path: Path) -> None:
    (tmp_path / "cache" / "huggingface").mkdir(parents=True)
    (tmp_path / "cache" / "huggingface" / "token").write_text("hf_of_nobody")
    found = verdicts(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))[1]
    assert "토큰 있음" in found["Hugging Face"]["text"]


def test_a_damaged_database_is_a_problem_and_stays(tmp_path: Path) -> None:
    (tmp_path / "kullm.db").write_bytes(b"garbage" * 1000)
    code, found = verdicts(tmp_path)
    assert (code, found["대화"]["verdict"]) == (1, "problem")
    assert (tmp_path / "kullm.db").read_bytes() == b"garbage" * 1000


def test_a_database_from_the_future_is_a_problem(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "kullm.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert verdicts(tmp_path)[1]["대화"]["verdict"] == "problem"


def test_a_key_file_that_others_can_read_is_a_problem(tmp_path: Path) -> None:
    kullm(tmp_path, "keys", "set", "HOME_KEY", stdin="sk-very-secret")
    (tmp_path / "keys.json").chmod(0o644)
    code, found = verdicts(tmp_path)
    assert (code, found["키"]["verdict"]) == (1, "problem")
    assert "chmod 600" in found["키"]["text"]
    assert "sk-very-secret" not in str(found)


def test_an_open_folder_is_worth_a_notice(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert verdicts(tmp_path)[1]["폴더"]["verdict"] == "notice"
    assert tmp_path.stat().st_mode & 0o777 == 0o755  # its owner's choice
    assert (tmp_path / "kullm.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "engine").stat().st_mode & 0o077 == 0


def test_a_locale_without_korean_is_a_problem(tmp_path: Path) -> None:
    _, found = verdicts(tmp_path, LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="utf-8")
    assert found["터미널"]["verdict"] == "problem"


@pytest.mark.parametrize("answer", ["echo 'NVIDIA A100, 81920 MiB, 550.1'", "exit 9"])
def test_the_graphics_card_is_asked_through_its_own_tool(tmp_path: Path, answer: str) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    _, found = verdicts(tmp_path, PATH=f"{tool.parent}:/usr/bin:/bin")
    text = found["GPU"]["text"]
    assert ("A100" in text) == answer.startswith("echo")
    fits = answer.startswith("echo") and torch.version.cuda is not None
    assert found["GPU"]["verdict"] == ("fine" if fits else "notice")
    assert ("--index-url" in text) == (answer.startswith("echo") and not fits), "torch is the one for processors"


@pytest.mark.parametrize("path", [path for path in runnable_paths() if path != "auto"])
def test_the_path_that_serves_is_said_and_what_would_be_faster(path: str, tmp_path: Path) -> None:
    _, found = verdicts(tmp_path, KULLM_PROCESSOR=path)
    served, faster = {
        "avx512-bf16": ("AVX512-BF16", "C 컴파일러 있음"),
        "avx512": ("AVX-512", "C 컴파일러 있음"),
        "avx2": ("AVX2", "llama.cpp"),
        "plain": ("AVX2 없음", "llama.cpp"),
        "no-compiler": ("", "sudo apt install gcc"),
    }[path]
    assert f"{served} (KULLM_PROCESSOR={path})" in found["CPU"]["text"]
    assert faster in found["CPU"]["text"]
    assert found["CPU"]["verdict"] == ("notice" if path in ("avx2", "plain", "no-compiler") else "fine")
