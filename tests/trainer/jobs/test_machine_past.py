"""What a machine did over a whole job, as its gpu.jsonl tells it."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trainer.jobs.machine_past import HOST, MachinePast

BEGAN = 1_770_000_000.0


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _row(second: float, use: object = 50, *, cards: Sequence[int] = (0, 1)) -> dict[str, Any]:
    told = [{"card": card, "use": use, "mib": 1000 * (card + 1), "watts": None, "celsius": 60} for card in cards]
    return {"time": BEGAN + second, "cards": told, "host": {"use": 7.5, "mib": 2000, "swap": 0, "in": 1e6, "out": 2e6}}


def _read(past: MachinePast) -> None:
    while past.read(time.monotonic() + 10):
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gpu.jsonl"


def test_every_figure_that_was_told_stands_at_its_second(path: Path) -> None:
    _write(path, [_row(2 * at, at) for at in range(10)])
    past = MachinePast(path)
    _read(past)
    assert past.cards == [0, 1]
    assert past.whole == (0, 18)
    assert past.points((1, "use"), 100, (0, 18)) == [(2 * at, at) for at in range(10)]
    assert past.points((0, "use"), 100, (3, 9)) == [(4, 2), (6, 3), (8, 4)]
    assert past.at((HOST, "out"), 5) == 2e6
    assert past.at((0, "use"), 5) == 2
    assert past.at((0, "use"), 0) == 0
    assert not past.has((0, "watts"))  # which the card never told


def test_it_grows_with_its_file_and_a_file_begun_anew_is_read_anew(path: Path) -> None:
    _write(path, [_row(at) for at in range(0, 20, 2)])
    past = MachinePast(path)
    _read(past)
    _write(path, [_row(20, 99)])
    _read(past)
    assert past.at((0, "use"), 20) == 99
    path.write_text(json.dumps(_row(1000, 3, cards=[0])) + "\n")
    _read(past)
    assert (past.cards, past.whole) == ([0], (0, 0))


def test_a_silence_breaks_the_curve(path: Path) -> None:
    _write(path, [_row(0), _row(2), _row(4000), _row(4002)])
    past = MachinePast(path)
    _read(past)
    points = past.points((0, "use"), 100, (0, 4002))
    assert [at for at, _ in points] == [0, 2, 3, 4000, 4002]
    assert math.isnan(points[2][1])
    assert math.isnan(past.at((0, "use"), 2000) or 0)


def test_a_clock_that_was_set_back_and_garbage_take_no_part(path: Path) -> None:
    _write(path, [_row(0), _row(2), _row(-500, 1), _row(2.5, 2), _row(4, "much"), {"time": "now"}, {"time": 1e400}])
    with path.open("a") as file:
        file.write('{"cards": 4\nnot a row\n[1]\n')
    _write(path, [{"time": BEGAN + 6, "cards": [7, {"card": -1, "use": 3}, {"card": 0, "use": 8}], "host": []}])
    past = MachinePast(path)
    _read(past)
    assert past.points((0, "use"), 100, (0, 100)) == [(0, 50), (2, 50), (6, 8)]
    assert [at for at, _ in past.points((HOST, "use"), 100, (0, 100))] == [0, 2, 4]


def test_a_week_is_held_in_bounded_room_with_its_spike(path: Path) -> None:
    rows = [_row(2 * at, 100 if at == 31_234 else 50, cards=[0]) for at in range(60_000)]
    _write(path, rows)
    past = MachinePast(path)
    _read(past)
    points = past.points((0, "use"), 1 << 20, (0, 1e9))
    assert len(points) <= 1 << 14
    assert points[0][0] == 0
    assert past.whole == (0, 119_998)
    assert (62_468, 100) in points


def test_reading_ends_when_its_time_is_up_and_goes_on_from_there(path: Path) -> None:
    _write(path, [_row(2 * at) for at in range(5000)])
    past = MachinePast(path)
    assert past.read(0.0)  # long ago: one piece, and more is there
    first = past.whole
    assert first is not None
    assert 0 < first[1] < 9998
    _read(past)
    assert past.whole == (0, 9998)
