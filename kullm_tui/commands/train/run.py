"""A run on this machine: its folder, the trainer as a child, what it reports while it lasts, and what it leaves.

The child writes to its log file and its metrics, never into a pipe: it goes on when this process is killed. Ctrl-c is passed on
once, and the trainer saves and ends; a second one ends it at once.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui import __version__
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.train.keep import keep
from kullm_tui.commands.train.plan import time_text
from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.estimate.machines import Machine, usable_cores
from trainer.recipe import Recipe, recipe_dict
from trainer.run_folder import RunFolder, create_run

_POLL_SECONDS = 0.2
_LINE_SECONDS = 10.0  # between lines where no terminal rewrites one
_LAST_SECONDS = 5.0  # after the second ctrl-c
_SAVING_SECONDS = 3600  # after the first, torchrun waits so long for its ranks' step and checkpoint; left to itself, 30
_STOPPED = 130
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SECRETS = ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "KULLM_API_KEY", "HF_TOKEN")


def jobs_dir() -> Path:
    return paths.private_dir(paths.state_dir() / "jobs")


def new_run(recipe: Recipe, argv: Sequence[str], *, name: str, on: str = "") -> RunFolder:
    """`name`: what the adapter will be called; `on`: the machine as it was named, for the day the run is resumed."""
    spec = {
        "recipe": recipe_dict(recipe),
        "digest": recipe.digest,
        "code": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "argv": list(argv),
        "name": name,
        "on": on,
    }
    return create_run(jobs_dir() / _ulid(), spec)


def find_run(name: str) -> RunFolder:
    """By its id, the beginning of it, or `last`. UsageError for none or several."""
    runs = sorted(entry.name for entry in jobs_dir().iterdir() if (entry / "spec.json").is_file())
    found = runs[-1:] if name == "last" else [run for run in runs if run.startswith(name.upper())]
    if len(found) != 1 or not name:
        raise UsageError(
            say(
                f"'{name}' 학습을 찾을 수 없어요. 학습의 번호나 그 앞부분, 또는 last를 쓰세요.",
                f"there is no single run '{name}'. Give a run's id, the beginning of it, or last.",
            )
        )
    return RunFolder(jobs_dir() / found[0])


def follow(folder: RunFolder, machine: Machine, narration: Narration, *, as_json: bool) -> int:
    """The trainer at work on the run until it ends; its exit code, and on success its adapter kept."""
    attempt = folder.begin_attempt()
    log = folder.log(attempt)
    narration.note(say(f"학습 {folder.path.name}   기록: {log}", f"run {folder.path.name}   log: {log}"))
    with _passing_on(folder.path.name) as passing:
        child = _start(folder, machine, attempt)
        passing.child = child
        code = _watch(child, folder, narration)
    narration.clear()
    if code == 0:  # also where ctrl-c came after the last step
        return keep(folder, narration, as_json=as_json)
    if passing.asked or code == _STOPPED:
        _tell_how_to_go_on(folder, narration)
        return _STOPPED
    raise _failed(folder, attempt, log, code)


@dataclass
class _PassingOn:
    """Ctrl-c and SIGTERM reach the trainer once as SIGTERM; once more, and everything of it ends."""

    run: str
    child: "subprocess.Popen[bytes] | None" = None
    asked: int = 0

    def __call__(self, *_: object) -> None:
        self.asked += 1
        if self.child is None or self.child.poll() is not None:
            return
        if self.asked == 1:
            self.child.send_signal(signal.SIGTERM)
            waiting = say(
                "저장하고 멈추는 중 … (한 번 더 누르면 바로 끝내요)", "saving and stopping … (again to end at once)"
            )
            os.write(2, f"\n{waiting}\n".encode())  # within a signal: no buffer is touched
            return
        deadline = time.monotonic() + _LAST_SECONDS
        while _sweep(self.run) and time.monotonic() < deadline:  # again: a process may have been born meanwhile
            time.sleep(_POLL_SECONDS / 10)
        if self.child.poll() is None:  # where there is no /proc
            self.child.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(_LAST_SECONDS)
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)


@contextlib.contextmanager
def _passing_on(run: str) -> Iterator[_PassingOn]:
    passing = _PassingOn(run)
    before = {number: signal.signal(number, passing) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield passing
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sweep(run: str) -> int:
    """Every process of the run ended, and how many there were: ranks of torchrun have sessions of their own, and no signal to their agent ends them.

    Nothing is lost by it: what a killed trainer leaves is whole or is not seen.
    """
    mark, found = f"KULLM_JOB_ID={run}".encode(), 0
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # another's, or gone by now
            if mark in place.read_bytes().split(b"\0"):
                os.kill(int(place.parent.name), signal.SIGKILL)
                found += 1
    return found


def _start(folder: RunFolder, machine: Machine, attempt: int) -> "subprocess.Popen[bytes]":
    log = folder.log(attempt)
    paths.private_dir(log.parent)
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    # Ranks that torchrun starts have no -P of their own.
    environment |= {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    environment |= {"KULLM_JOB_ID": folder.path.name, "KULLM_ATTEMPT": str(attempt)}
    if machine.is_cpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
        environment.setdefault("MALLOC_ARENA_MAX", "1")  # a heap a core would keep what the other could use
        if machine.count > 1:  # or torchrun gives each rank a single thread
            environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // machine.count)))
    with log.open("ab") as output:
        return subprocess.Popen(
            _command(folder, machine),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.path,
            env=environment,
            start_new_session=True,  # neither ctrl-c nor the end of this terminal reaches it by itself
        )


def _command(folder: RunFolder, machine: Machine) -> list[str]:
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={machine.count}", "--max-restarts=0"]
    launcher += [f"--shutdown-timeout={_SAVING_SECONDS}", "-m"]
    return [sys.executable, "-P", "-m", *(launcher if machine.count > 1 else []), "trainer", str(folder.path)]


def _watch(child: "subprocess.Popen[bytes]", folder: RunFolder, narration: Narration) -> int:
    metrics = _Tail(folder.metrics)
    said = time.monotonic()
    row: dict[str, Any] | None = None
    while True:
        code = child.poll()
        for row in metrics.rows():  # noqa: B007 - the last one counts
            narration.progress(progress_line(row))
        if not narration.live and row and (code is not None or time.monotonic() - said > _LINE_SECONDS):
            narration.note(progress_line(row))
            said, row = time.monotonic(), None
        if code is not None:
            return code
        time.sleep(_POLL_SECONDS)


def progress_line(row: dict[str, Any]) -> str:
    """One row of the metrics as a person reads it."""
    left, speed = float(row.get("eta_s") or 0), float(row.get("tokens_per_s") or 0)
    parts = [
        say(f"{row.get('step')}단계", f"step {row.get('step')}"),
        say(f"손실 {row.get('loss', 0):.4f}", f"loss {row.get('loss', 0):.4f}"),
        say(f"{speed:,.0f}토큰/초", f"{speed:,.0f} tokens/s"),
        say(f"남은 시간 {time_text(left)}", f"{time_text(left)} left"),
    ]
    if isinstance(row.get("eval_loss"), int | float):
        parts.insert(2, say(f"평가 손실 {row['eval_loss']:.4f}", f"evaluation loss {row['eval_loss']:.4f}"))
    return "   ".join(parts)


@dataclass
class _Tail:
    """New whole rows of a file that another process appends to."""

    path: Path
    place: int | None = None  # None: from the end of what an earlier attempt wrote

    def __post_init__(self) -> None:
        self.place = self.path.stat().st_size if self.path.is_file() else 0

    def rows(self) -> Iterator[dict[str, Any]]:
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            file.seek(self.place or 0)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.place = (self.place or 0) + len(whole)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def _tell_how_to_go_on(folder: RunFolder, narration: Narration) -> None:
    steps = folder.checkpoint_steps()
    kept = say(f"{steps[0]}단계까지 저장했어요. ", f"Saved up to step {steps[0]}. ") if steps else ""
    narration.note(
        say(
            f"멈췄어요. {kept}이어서 하려면: kullm train --resume {folder.path.name}",
            f"Stopped. {kept}To go on: kullm train --resume {folder.path.name}",
        )
    )


def _failed(folder: RunFolder, attempt: int, log: Path, code: int) -> KullmError:
    reason = _reason(folder.error(attempt)) or _last_line(log) or say(f"종료 코드 {code}", f"exit code {code}")
    hint = ""
    if folder.checkpoint_steps():
        hint = say(
            f"\n이어서 하려면: kullm train --resume {folder.path.name}",
            f"\nTo go on from the last checkpoint: kullm train --resume {folder.path.name}",
        )
    return KullmError(
        say(f"학습이 끝나지 못했어요: {reason}\n기록: {log}{hint}", f"the training failed: {reason}\nlog: {log}{hint}")
    )


def _reason(error: Path) -> str:
    try:
        facts = json.loads(error.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    if not isinstance(facts, dict):
        return ""
    reason = facts.get("message") or facts.get("kind") or ""
    return terminal_safe(reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False))


def _last_line(log: Path) -> str:
    try:
        lines = log.read_bytes()[-8192:].decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def _ulid() -> str:
    """Sorts by time: 48 bits of milliseconds and 80 bits of chance, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(_ULID[number >> shift & 31] for shift in range(125, -1, -5))
