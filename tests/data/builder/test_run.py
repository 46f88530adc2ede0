"""A build in its own folder: what it keeps and rejects, the same bytes each time, whenever it is killed or stopped."""

import errno
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from pyarrow import parquet

from data.builder.progress import BuildStopped, Progress, Watch
from data.builder.workshop import BuildRuns, Workshop
from data.patches import Patch, drop, edit, read_patch, undo
from data.row import Row
from kullm_tui.core.errors import NoSpace
from kullm_tui.core.records import Message
from tests.data.builder.courses import MANIFEST, NoSevens, build, course

KILLS = 10
BUILD = """
import sys
from pathlib import Path
from tests.data.builder.courses import build, course
if __name__ == "__main__":
    build(course(6_000, pause=0.0002), Path(sys.argv[1]))
"""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def test_every_row_is_kept_or_stands_with_its_reason_at_the_step_that_rejected_it(tmp_path: Path) -> None:
    built = build(course(), tmp_path)
    found = lines(built.folder / "시험.jsonl")
    honest = [number for number in range(3_750) if "7" not in str(number)]
    assert sorted(int(row["instruction"].split()[0]) for row in found) == honest
    assert all(row["output"].endswith("감사합니다.") for row in found)
    steps = {(one.source, one.step): one.counts for one in built.completed.steps}
    assert steps["numbers", "no-sevens"].rejected == {"seven": 2_500 - len([n for n in honest if n < 2_500])}
    assert steps["", "once"].lost == len([number for number in honest if 1_250 <= number < 2_500])
    for track in built.completed.tracks:
        assert all(one.reason == "seven" and "7" in one.row.texts[0] for one in track.passed[1].stage.rejections())


def test_where_each_row_came_from_stands_beside_it(tmp_path: Path) -> None:
    built = build(course(200), tmp_path)
    rows, origins = lines(built.folder / "시험.jsonl"), lines(built.folder / "시험.origins.jsonl")
    assert [row["id"] for row in rows] == [origin["id"] for origin in origins]
    assert all(origin["place"].startswith(f"{origin['source']}.jsonl:") for origin in origins)
    for row, origin in zip(rows, origins, strict=True):
        assert origin["original"][1]["content"] + " 감사합니다." == row["output"]


def test_the_order_is_of_the_rows_and_the_seed_alone(tmp_path: Path) -> None:
    first = [row["id"] for row in lines(build(course(300), tmp_path / "a").folder / "시험.jsonl")]
    seeded = course(300, manifest="seed = 1\n" + MANIFEST)
    second = [row["id"] for row in lines(build(seeded, tmp_path / "b").folder / "시험.jsonl")]
    assert first != second
    assert sorted(first) == sorted(second)
    assert first != sorted(first)


def test_subsets_are_nested_and_keep_the_order(tmp_path: Path) -> None:
    outputs = '[outputs]\nn = ["numbers"]\ne = ["english"]\nboth = ["numbers", "english"]\n'
    built = build(course(400, manifest=MANIFEST + outputs), tmp_path)
    ids = {one.name: [row["id"] for row in lines(built.folder / f"{one.name}.jsonl")] for one in built.outputs}
    assert ids["n"] == [one for one in ids["both"] if one.startswith("numbers-")]
    assert ids["e"] == [one for one in ids["both"] if one.startswith("english-")]
    assert len(ids["both"]) == len(ids["n"]) + len(ids["e"])


def test_a_held_out_row_is_held_out_wherever_it_stands(tmp_path: Path) -> None:
    outputs = "held_out = 0.2\n" + MANIFEST + '[outputs]\nn = ["numbers"]\nboth = ["numbers", "english"]\n'
    folder = build(course(400, manifest=outputs), tmp_path).folder
    held = {row["id"] for row in lines(folder / "both.validation.jsonl")}
    trained = {row["id"] for row in lines(folder / "both.jsonl")}
    assert held
    assert not held & trained
    assert 0.1 < len(held) / len(held | trained) < 0.3
    assert {row["id"] for row in lines(folder / "n.validation.jsonl")} == {
        one for one in held if one.startswith("numbers-")
    }


def test_parquet_holds_what_the_lines_hold(tmp_path: Path) -> None:
    folder = build(course(100), tmp_path).folder
    assert parquet.read_table(folder / "시험.parquet").to_pylist() == lines(folder / "시험.jsonl")


def test_a_build_killed_at_any_moment_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """Workers end with the build that was killed, and chunks that are whole are not made again."""
    build(course(6_000, pause=0.0002), tmp_path / "whole")
    chance = random.Random(17)
    killed = 0
    while True:
        with subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path / "killed")]) as child:
            try:  # on a busy machine none of them gets far: the last one is left alone
                assert child.wait(chance.uniform(0.5, 2.5) if killed < KILLS else None) == 0
                break
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
                killed += 1
    assert killed
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert not list((tmp_path / "killed" / "out").glob(".*"))


def test_what_a_killed_build_was_just_writing_goes(tmp_path: Path) -> None:
    built = build(course(400), tmp_path)
    before = files(tmp_path)
    stages = [path for path in (tmp_path / "work" / "stages").iterdir()]
    for left in (built.folder / ".facts.json.x5773b3q", *(stage / ".00004.jsonl.no63q5_d" for stage in stages)):
        left.write_text("half")
    (built.folder / ".gitattributes").write_text("somebody's own")
    assert files(tmp_path) != before
    build(course(400), tmp_path)
    assert files(tmp_path) == before | {".gitattributes": b"somebody's own"}
    assert not [left for stage in stages for left in stage.glob(".*")]


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)])
    deadline = time.monotonic() + 240
    while len(started := psutil.Process(child.pid).children(recursive=True)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    _, alive = psutil.wait_procs(started, timeout=120)
    assert not alive


def test_a_stopped_build_keeps_what_it_did(tmp_path: Path) -> None:
    stop = threading.Event()
    seen: list[Progress] = []

    def told(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == "no-sevens" and progress.counts.seen:
            stop.set()

    with pytest.raises(BuildStopped):
        build(course(), tmp_path, watch=Watch(told, stop))
    again: list[Progress] = []
    built = build(course(), tmp_path, watch=Watch(again.append))
    assert not any(one.step == "read" and one.source == "numbers" for one in again), "it was read already"
    assert built.outputs[0].statistics.all_rows


def test_another_setting_makes_only_what_depends_on_it(tmp_path: Path) -> None:
    build(course(), tmp_path)
    changed = course()
    steps = [NoSevens(settings={"version": 2})]
    again: list[Progress] = []
    build(
        type(changed)(changed.mixture, changed.sources, steps, changed.after, None), tmp_path, watch=Watch(again.append)
    )
    assert {one.step for one in again} == {"no-sevens", "polite", "write"}


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    build(course(), tmp_path)
    again: list[Progress] = []
    build(course(), tmp_path, watch=Watch(again.append))
    assert {one.step for one in again} <= {"write"}


@dataclass(frozen=True)
class NoRoom:
    name: str = "no-room"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        yield from itertools.islice(rows, 3)
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_rows_are_remembered_is_told_in_words(tmp_path: Path) -> None:
    plain = course(50)
    with pytest.raises(NoSpace, match="디스크가 가득 차서|the disk is full"):
        build(type(plain)(plain.mixture, plain.sources, [], [], NoRoom()), tmp_path)
    assert build(plain, tmp_path).outputs


def test_two_builds_at_once_are_refused(tmp_path: Path) -> None:
    with Workshop(tmp_path / "work").alone(), pytest.raises(BuildRuns):
        build(course(10), tmp_path)


def test_a_patch_is_replayed(tmp_path: Path) -> None:
    plain = course(50)
    rows = [row for source in plain.sources for row in source.rows() if isinstance(row, Row)]
    file = tmp_path / "patch.jsonl"
    drop(file, rows[0], "틀렸어요")
    edit(file, rows[1], [rows[1].messages[0], Message("assistant", "둘이에요.")])
    drop(file, rows[2])
    undo(file, rows[2])
    patch = read_patch(file)
    built = build(type(plain)(plain.mixture, plain.sources, [patch], [], None), tmp_path)
    found = {row["id"]: row["output"] for row in lines(built.folder / "시험.jsonl")}
    assert rows[0].id not in found
    assert found[rows[1].id] == "둘이에요."
    assert found[rows[2].id] == rows[2].messages[1].content
    assert built.completed.tracks[0].passed[1].counts.rejected == {"dropped-by-hand": 1}
    assert read_patch(file).settings == patch.settings
    assert Patch().settings != patch.settings
