"""The faults that a job must survive, row by row, printed after the tests that prove them: `make faults`.

A test says with `@pytest.mark.fault("…")` which row it is of. A row holds where all of its tests passed; one that nobody tests, or that could
not be tried on this machine, says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

ROWS = (
    "kill -9 of a rank",
    "kill -9 of the torchrun agent",
    "kill -9 of the supervisor",
    "TERM-ignoring, double-forked child",
    "cancel, with proof",
    "reset or black hole in mid-upload, mid-fetch",
    "reset or black hole while following",
    "quit, SIGKILL of the app, a second client",
    "duplicate submit × 20, acknowledgement lost",
    "half-written, garbage, UTF-8-split, truncated JSONL",
    "disk full at log, checkpoint, state",
    "reboot, container restart, pid reuse",
    "client clock ± 1 day",
    "kill during a checkpoint save",
    "changed host key, unknown key, encrypted key",
    "remote without rsync, GPU or a new python; path with spaces or Hangul",
    "an old python, and nothing but its standard library",
    "1 GB of log, nobody attached",
    "Slurm requeue, scancel, kill -9 slurmd",
    "secrets",
    "retries for causes of the machine alone",
    "notify: server, command, server down, address secret",
    "nvidia-smi absent, failing, hanging; others on the cards",
    "three jobs, two GPUs, a foreign process",
)


@dataclass
class Proof:
    """One test, with all of its phases."""

    sentence: str
    seconds: float = 0.0
    outcome: str = "passed"
    noted: list[str] = field(default_factory=list)

    def adds(self, report: pytest.TestReport) -> None:
        self.seconds += report.duration
        self.noted = [f"{name}: {value}" for name, value in report.user_properties]
        if report.skipped:
            self.outcome = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped")
        elif report.failed:
            self.outcome = "FAILED"

    def text(self) -> str:
        parts = [self.sentence, *([] if self.outcome == "passed" else [self.outcome]), *self.noted]
        return f"      {self.seconds:7.1f} s   {' · '.join(parts)}"


class Table:
    def __init__(self) -> None:
        self._rows: dict[str, list[str]] = {row: [] for row in ROWS}
        self._proofs: dict[str, Proof] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("fault"):
                self._proofs[item.nodeid] = Proof(_sentence(item))
                self._rows.setdefault(str(mark.args[0]), []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if proof := self._proofs.get(report.nodeid):
            proof.adds(report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("faults")
        for row, tests in self._rows.items():
            for line in _lines(row, [self._proofs[test] for test in tests]):
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table())


def _lines(row: str, proofs: list[Proof]) -> Iterator[str]:
    yield f"{_verdict({proof.outcome for proof in proofs}):14} {row}"
    yield from (proof.text() for proof in proofs)


def _verdict(outcomes: set[str]) -> str:
    if not outcomes:
        return "no test"
    if "FAILED" in outcomes:
        return "FAILED"
    if outcomes == {"passed"}:
        return "held"
    return "held, in part" if "passed" in outcomes else "not tried"


def _sentence(item: pytest.Item) -> str:
    name, _, values = item.name.partition("[")
    sentence = name.removeprefix("test_").replace("_", " ")
    return f"{sentence}: {values.removesuffix(']')}" if values else sentence
