"""Tab in a real bash, zsh and fish; what may stand where on the command line."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kullm_tui.commands.completion import next_of
from kullm_tui.core.config.edit import put_row
from tests.kullm_command import environment

_PLENTY = 120.0  # seconds


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("line", "one_of_them", "files"),
    [
        ("mod", "models", False),
        ("models ", "quantize", False),
        ("models show kullm-5", "kullm-5.8b", False),
        ("ask --dec", "--decoding", False),
        ("ask --decoding ", "paper", False),
        ("ask -m koal", "koalpaca-5.8b", False),
        ("ask --model=koal", "--model=koalpaca-5.8b", False),
        ("eval run -m kullm-5.8b,koal", "kullm-5.8b,koalpaca-5.8b", False),
        ("eval run --set ", "human-eval-ko", True),
        ("train demo-k", "demo-kullm", True),
        ("data build kullm", "kullm-v2", True),
        ("keys set OPEN", "OPENAI_API_KEY", False),
        ("config set the", "theme", False),
        ("judge ", "", True),
        ("ask ", "", False),
        ("no-such-verb ", "", False),
    ],
)
def test_what_may_stand_next(line: str, one_of_them: str, *, files: bool) -> None:
    found = next_of(line.split(" "))

    words = [one.word for one in found.candidates]
    assert (one_of_them in words) if one_of_them else not words
    assert found.files is files


def test_names_of_ones_own_are_offered_and_a_word_that_is_done_is_passed() -> None:
    put_row("machines", {"name": "lab", "ssh": "lab"})

    assert [one.word for one in next_of(["train", "demo-kullm", "--name", "x", "--on", ""]).candidates] == ["lab"]
    assert not next_of(["machines", "check", "lab", ""]).candidates


def _typed(shell: list[str], lines: list[str], keys: str, awaited: str, home: Path) -> str:
    """What a terminal shows after the keys, the shell's colours and all."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home.parent)
        os.execvpe(shell[0], shell, {**environment(home), "PATH": _path(), "TERM": "xterm", "KULLM_LANG": "en"})
    seen = ""

    def until(text: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + _PLENTY
        while text not in _shown(seen):
            assert time.monotonic() < deadline, repr(seen)
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")

    try:
        for number, line in enumerate(lines):
            os.write(terminal, f"{line}; echo done-$(({number} + 100))\n".encode())
            until(f"done-{number + 100}")
        seen = ""
        os.write(terminal, keys.encode())
        until(awaited)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return seen


def _shown(written: str) -> str:
    """Without colours and bells; a backspace takes a letter away."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", written)
    while "\b" in plain:
        plain = re.sub(r".?\x08", "", plain, count=1)
    return plain


def _path() -> str:
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def test_tab_in_bash(home: Path) -> None:
    begun = ["source <(kullm completion bash)"]

    _typed(["bash", "--norc", "-i"], begun, "kullm ask --model=koalpaca-ll\t", "--model=koalpaca-llama-7b", home)
    _typed(["bash", "--norc", "-i"], begun, "kullm mod\tsh\tkullm-12.8b-\t", "kullm models show kullm-12.8b-v1", home)


def test_tab_in_zsh(home: Path) -> None:
    begun = ["autoload -Uz compinit && compinit -u -D", "source <(kullm completion zsh)"]

    _typed(["zsh", "-f", "-i"], begun, "kullm mod\tqua\tkullm-12.8b-\t", "kullm models quantize kullm-12.8b-v1", home)


def test_fish_has_the_words_with_their_notes(home: Path) -> None:
    script = 'kullm completion fish | source; complete -C "kullm mod"; complete -C "kullm judge no-such-fil"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env={**environment(home), "PATH": _path(), "KULLM_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PLENTY,
    )
    assert done.stdout.splitlines() == ["models\tlist, show and download models"], done.stderr
