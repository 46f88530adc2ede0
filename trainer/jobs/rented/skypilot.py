"""SkyPilot as a landlord, by its own program: `sky` brings a cluster up, takes it down, and writes the ssh alias that it is reached by.

Autostop is always set, to take the cluster down after so many minutes whatever runs: our jobs are not in SkyPilot's queue, so by its
own measure the cluster would be idle all along.
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.jobs.rented import NotLet, Offer, Said, Standing
from trainer.jobs.rented.lease import Lease
from trainer.jobs.transports.connection import without_secrets

_SECONDS = 300.0
_LAUNCH_SECONDS = 3600.0
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_MOST_BYTES = 1 << 20
_PRICE, _CHOSEN = "COST ($)", "✔"


@dataclass(frozen=True)
class SkyPilot:
    def price(self, settings: MachineSettings) -> Offer:
        code, lines = _run([*_launch(settings, "kullm", 1.0), "--dryrun"], _SECONDS)
        found = _chosen(lines)
        if found is None and code:
            raise NotLet(_said(lines))
        what, price = found or ("SkyPilot", None)
        return Offer(what, settings.gpus or "cpu", price)

    def up(self, settings: MachineSettings, lease: Lease, progress: Said) -> Lease:
        name = _cluster(lease)
        code, lines = _run(_launch(settings, name, lease.hours), _LAUNCH_SECONDS, progress)
        lease = replace(lease, id=name)
        if code and self.state(lease).stage == "gone":
            raise NotLet(_said(lines))
        if code:
            raise KullmError(
                _said(lines)
                + say(
                    f" 켜진 것이 남아 있을 수 있어요: kullm machines down {lease.machine}",
                    f" Something of it may be up: kullm machines down {lease.machine}",
                )
            )
        return lease

    def state(self, lease: Lease) -> Standing:
        name = _cluster(lease)
        code, lines = _run(["status", "--refresh", "-o", "json", name], _SECONDS)
        row = _row(lines, name) if not code else None
        if row is None:
            raise KullmError(_said(lines))
        if not row:
            return Standing("gone")
        status, why = str(row.get("status")), terminal_safe(str(row.get("init_status_reason") or ""))[:300]
        if status in ("UP", "AUTOSTOPPING"):
            return Standing("up", ssh=name)
        return Standing("starting", why=f"{status} {why}".strip())

    def down(self, lease: Lease) -> None:
        """`sky down` ends well also where it found nothing, so what it did is asked."""
        _, lines = _run(["down", "-y", _cluster(lease)], _SECONDS)
        if self.state(lease).stage != "gone":
            raise KullmError(_said(lines))


def _cluster(lease: Lease) -> str:
    """Of this lease alone: one that is gone is never mistaken for the next."""
    return f"kullm-{re.sub(r'[^A-Za-z0-9-]', '-', lease.machine)}-{lease.label[:6]}"


def _launch(settings: MachineSettings, cluster: str, hours: float) -> list[str]:
    cards = re.fullmatch(r"(?:(\d+)x)?(.+)", settings.gpus)
    gpus = ["--gpus", f"{cards[2]}:{cards[1] or 1}"] if cards and settings.gpus != "cpu" else []
    stop = ["-i", str(round(60 * hours)), "--down", "--wait-for", "none"]
    return ["launch", "-y", "-d", "-c", cluster, *gpus, *stop, *settings.options]


def _run(arguments: Sequence[str], seconds: float, progress: Said = lambda _line: None) -> tuple[int, list[str]]:
    """Its exit code and what it said, line by line as it comes."""
    program = shutil.which("sky")
    if program is None:
        raise NotLet(
            say(
                "SkyPilot이 없어요. `pip install skypilot`으로 설치하고 `sky check`로 클라우드를 연결하세요.",
                "There is no SkyPilot here. Install it with `pip install skypilot` and connect a cloud with `sky check`.",
            )
        )
    environment = {"SKYPILOT_DISABLE_USAGE_COLLECTION": "1", **without_secrets()}
    child = subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    timer = threading.Timer(seconds, child.kill)
    timer.start()
    try:
        lines = []
        for line in _lines(child):
            lines.append(line)
            progress(terminal_safe(line)[:200])
        return child.wait(), lines
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def _lines(child: "subprocess.Popen[bytes]") -> Iterator[str]:
    assert child.stdout is not None
    left = _MOST_BYTES
    while left > 0 and (line := child.stdout.readline(left)):
        left -= len(line)
        yield _ANSI.sub("", line.decode(errors="replace")).rstrip()


def _chosen(lines: Sequence[str]) -> tuple[str, float | None] | None:
    """Of the table of what it considered, the row that it chose: what it is, and dollars an hour. None without such a table."""
    heads: list[str] = []
    for line in lines:
        cells = re.split(r"\s{2,}", line.strip())
        if _PRICE in cells:
            heads = cells
        elif heads and _CHOSEN in line:
            row = dict(zip(heads, cells, strict=False))
            price = re.fullmatch(r"\d+(\.\d+)?", row.get(_PRICE, ""))
            what = " ".join(filter(None, (row.get("INFRA"), row.get("INSTANCE"))))
            return terminal_safe(what)[:200], float(price[0]) if price else None
    return None


def _row(lines: Sequence[str], name: str) -> dict[str, object] | None:
    """The cluster's, empty where there is none of that name; None where that is not said. What comes before the JSON is greetings."""
    begin = next((number for number, line in enumerate(lines) if line in ("[", "[]")), None)
    if begin is None:
        return None
    end = next((number for number, line in enumerate(lines) if number >= begin and line in ("]", "[]")), begin)
    try:
        rows = foreign_json.parsed("\n".join(lines[begin : end + 1]))
    except ValueError:
        return None
    return next((row for row in rows if isinstance(row, dict) and row.get("name") == name), {})


def _said(lines: Sequence[str]) -> str:
    """Its last words of a fault, else its last ones."""
    words = [line.strip() for line in lines if line.strip()]
    faults = [line for line in words if "Error" in line or line.startswith("✗")]
    last = terminal_safe((faults or words or ["-"])[-1])[:300]
    return say(f"SkyPilot: {last}", f"SkyPilot: {last}")
