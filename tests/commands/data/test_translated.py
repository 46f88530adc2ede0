"""Builds that are translated, against a server that speaks DeepL's protocol and counts: killed, out of quota, over the budget, unagreed."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from data.translate.asking import AT_ONCE
from tests.deepl_server import DeepLServer
from tests.kullm_command import COMMAND, environment, kullm

UNDER_WAY = AT_ONCE * 50  # texts of the calls that a kill may lose
MIXTURE = """summary = "옮긴 것"
[steps]
decontaminate = []
strict = false
[[sources]]
name = "english"
file = "english.jsonl"
language = "en"
"""
OF_SHARED = """summary = "공개 데이터의 표본"
[steps]
decontaminate = ["{shared}/kullm/user_oriented_instructions_eval.ko.jsonl", "{shared}/self_instruct/user_oriented_instructions.en.jsonl"]
[[sources]]
name = "gpt4-llm"
file = "{shared}/alpaca_gpt4/alpaca_en_demo.json"
[[sources]]
name = "alpaca"
file = "{shared}/alpaca/alpaca_tiny.json"
[[sources]]
name = "sharegpt"
file = "{shared}/sharegpt/dummy_conversation.json"
[[sources]]
name = "komt"
file = "{shared}/komt/beomi-KoAlpaca-Polyglot-12.8B.jsonl"
language = "ko"
columns = {{ instruction = "instruction", output = "answer" }}
"""


def written(home: Path, name: str, mixture: str, rows: Sequence[dict[str, str]] = ()) -> Path:
    folder = home / "mixtures"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(mixture)
    if rows:
        (folder / "english.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home


def english(count: int) -> list[dict[str, str]]:
    return [
        {
            "instruction": f"What is said about thing number {number} in the old book?",
            "input": f"The book has {number} pages." if number % 3 else "",
            "output": f"It says `f({number})` once.\n\n```python\nsecret_{number}()\n```\nAnd then it says something long about {number}.",
        }
        for number in range(count)
    ]


def of_server(server: DeepLServer) -> dict[str, str]:
    return {"KULLM_DEEPL_URL": server.url, "DEEPL_AUTH_KEY": server.key}


def files(home: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "data" / name).iterdir()}


def killed_builds(home: Path, name: str, server: DeepLServer, kills: int, longest: float) -> None:
    """So often, at moments that nobody chose, then once to its end. One that ended before it was killed begins again without its stages."""
    chance, killed = random.Random(5), 0
    while True:
        child = start_quietly(home, server, "data", "build", name, "--yes")
        try:
            assert child.wait(chance.uniform(0.3, longest) if killed < kills else 600) == 0
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            killed += 1
            continue
        if killed == kills:
            return
        shutil.rmtree(home / "cache" / "data")


def start_quietly(home: Path, server: DeepLServer, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(home, **of_server(server)),
        start_new_session=True,
    )


def test_a_build_that_is_killed_again_and_again_pays_once_and_comes_to_the_same_bytes(tmp_path: Path) -> None:
    with DeepLServer(latency=0.1) as server:
        whole = written(tmp_path / "whole", "moved", MIXTURE, english(300))
        done = kullm(whole, "data", "build", "moved", "--yes", env=of_server(server))
        assert done.returncode == 0, done.stderr
        assert not server.twice
        assert not any("secret_" in text for text in server.texts), "code is never sent"
    with DeepLServer(latency=0.1) as server:
        cut = written(tmp_path / "cut", "moved", MIXTURE, english(300))
        killed_builds(cut, "moved", server, 5, 4.0)
        assert server.twice <= 5 * UNDER_WAY
        assert files(cut, "moved") == files(whole, "moved")


@pytest.mark.shared_data
@pytest.mark.soak
def test_twenty_kills_over_the_public_files_come_to_the_same_bytes(
    tmp_path: Path, shared_file: Callable[[str], Path]
) -> None:
    mixture = OF_SHARED.format(shared=shared_file("INDEX.md").parent)
    with DeepLServer(latency=0.3) as server:
        whole = written(tmp_path / "whole", "public", mixture)
        done = kullm(whole, "data", "build", "public", "--yes", env=of_server(server), seconds=900)
        assert done.returncode == 0, done.stderr
        needed = len(server.charged)
        assert not server.twice
    print(done.stdout)
    with DeepLServer(latency=0.3) as server:
        cut = written(tmp_path / "cut", "public", mixture)
        killed_builds(cut, "public", server, 20, 8.0)
        print(f"20 kills; {needed:,} texts, {server.twice:,} charged again, {len(server.calls):,} calls")
        assert server.twice <= 20 * UNDER_WAY
        assert files(cut, "public") == files(whole, "public")


def test_nothing_is_sent_before_somebody_agrees(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(20))
    with DeepLServer() as server:
        asked = kullm(home, "data", "build", "moved", env=of_server(server))
        assert asked.returncode == 1
        assert "--yes" in asked.stderr
        assert server.url in asked.stderr
        too_dear = kullm(home, "data", "build", "moved", "--max-cost", "0.0001", env=of_server(server))
        assert too_dear.returncode == 1
        assert "--max-cost" in too_dear.stderr
        assert not server.calls
        assert kullm(home, "data", "build", "moved", "--max-cost", "5", env=of_server(server)).returncode == 0
        assert server.calls


def test_the_price_is_told_without_a_key(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(20))
    told = kullm(home, "data", "estimate", "moved", "--json")
    assert told.returncode == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["rows"] == 20
    assert facts["to_pay"] > 500
    assert facts["dollars"] == pytest.approx(facts["to_pay"] * 25 / 1e6)


def test_a_quota_that_ends_stops_the_build_and_the_next_one_goes_on(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(200))
    with DeepLServer(quota=9_000) as server:
        stopped = kullm(home, "data", "build", "moved", "--yes", env=of_server(server))
        assert stopped.returncode == 1
        assert "사용량을 다 썼어요" in stopped.stderr
        server.quota = None
        assert kullm(home, "data", "build", "moved", "--yes", env=of_server(server)).returncode == 0
        assert not server.twice
        again = kullm(home, "data", "build", "moved", env=of_server(server))
        assert again.returncode == 0, "nothing is left to agree to"


def test_translations_that_cannot_be_read_are_told_of_and_a_new_file_takes_what_comes(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(5))
    with closing(sqlite3.connect(home / "translations.db")) as other:
        other.execute("PRAGMA user_version = 999")
        other.execute("CREATE TABLE of_another_version (key TEXT)")
        other.commit()
    with DeepLServer() as server:
        done = kullm(home, "data", "build", "moved", "--yes", env=of_server(server))
    assert done.returncode == 0, done.stderr
    assert "새 번역은" in done.stderr


def test_a_key_that_is_refused_says_so_and_is_not_told(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(5))
    with DeepLServer() as server:
        wrong = of_server(server) | {"DEEPL_AUTH_KEY": "a-wrong-key-of-mine"}
        done = kullm(home, "data", "build", "moved", "--yes", env=wrong)
    assert done.returncode == 1
    assert "a-wrong-key-of-mine" not in done.stderr + done.stdout
    assert "DEEPL_AUTH_KEY" in done.stderr


def test_korean_rows_of_a_source_in_many_tongues_are_left_as_they_are(tmp_path: Path) -> None:
    rows = [
        *english(3),
        {"instruction": "대한민국의 수도는 어디인가요?", "input": "", "output": "대한민국의 수도는 서울이에요."},
    ]
    home = written(tmp_path, "moved", MIXTURE, rows)
    with DeepLServer() as server:
        assert kullm(home, "data", "build", "moved", "--yes", env=of_server(server)).returncode == 0
        assert not any("서울" in text for text in server.texts)
    found = (home / "data" / "moved" / "moved.jsonl").read_text()
    assert "대한민국의 수도는 서울이에요." in found


def test_ctrl_c_in_a_translation_ends_it_and_keeps_what_was_paid_for(tmp_path: Path) -> None:
    home = written(tmp_path, "moved", MIXTURE, english(400))
    with DeepLServer(latency=1.0) as server:
        child = start_quietly(home, server, "data", "build", "moved", "--yes")
        while not server.charged:
            assert child.poll() is None
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(240) == 130
        assert kullm(home, "data", "build", "moved", "--yes", env=of_server(server)).returncode == 0
        assert server.twice <= UNDER_WAY
