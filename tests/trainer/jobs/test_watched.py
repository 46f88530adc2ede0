"""A job as it is watched: its files while they grow, shrink and hold garbage; what went wrong told at its step."""

import json
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.growth import growth
from tests.trainer.jobs.elsewhere import add_rows, make_job, running, set_state
from trainer.jobs import metrics as metrics_module
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, row_of
from trainer.jobs.history import curve
from trainer.jobs.log import FIRST_ERROR, find, page, words
from trainer.jobs.metrics import FIELDS, OF_PAIRS, Metrics, _usual
from trainer.jobs.registry import put_down
from trainer.jobs.watched import Look, Watched

NAN = float("nan")


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDirectory:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "en")
    return make_job(tmp_path)


def read(metrics: Metrics) -> Metrics:
    while metrics.read():
        pass
    return metrics


def seen(job: JobDirectory) -> Look:
    watched = Watched(job.id)
    while (look := watched.look()).more:
        pass
    return look


def rows(job: JobDirectory, *found: dict[str, Any]) -> None:
    for row in found:
        append(job.metrics, row)


# -- curves --------------------------------------------------------------------------------------------------------------


def test_a_curve_read_while_it_grows_is_the_curve_of_the_whole_file(job: JobDirectory) -> None:
    dice, metrics, step = random.Random(7), Metrics(job.metrics), 0
    for _ in range(60):
        step = max(0, step - dice.randrange(9)) if dice.random() < 0.3 else step
        add_rows(job, range(step + 1, step + 1 + dice.randrange(5)))
        if dice.random() < 0.3:
            job.metrics.write_bytes(job.metrics.read_bytes() + b'{"step": 3, "lo{"step": 2, "loss": 2.0}\n')
        step = int(read(metrics).last["step"])
        whole = curve(job.metrics)
        assert metrics.points("loss", 10_000) == whole.points
        assert metrics.malformed == whole.malformed


def trainers_row(step: int, dice: random.Random, *, of_pairs: bool = False) -> dict[str, Any]:
    """In the order in which `trainer/loop.py` writes them."""
    names = OF_PAIRS[: OF_PAIRS.index("sft_loss")]

    def measured(before: str) -> dict[str, float]:
        pairs = {f"{before}{name}": round(dice.gauss(0, 9), 6) for name in names} if dice.random() < 0.9 else {}
        return pairs | ({f"{before}sft_loss": dice.random()} if dice.random() < 0.5 else {})

    bad = dice.random() < 0.05
    loss = dice.choice([NAN, math.inf, -math.inf, 1e300, 5e-324]) if bad else dice.gauss(2, 1)
    row = {
        "step": step,
        "epoch": round(step / 400, 4),
        "loss": loss,
        "lr": 3e-5,
        "grad_norm": dice.random(),
        "tokens": 9,
    }
    row |= {"skipped": bad, **(measured("") if of_pairs else {})}
    row |= {"tokens_per_s": 812.5, "steps": 400, "eta_s": 1.5 * (400 - step)}
    row |= {"mfu": 0.41} if step > 40 else {}
    if dice.random() < 0.1:
        row |= {"eval_loss": dice.random(), **(measured("eval_") if of_pairs else {})}
    return {**row, "memory_bytes": 61_203_283_968, "time": 1.7e9 + step}


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_the_trainer_taken_apart_quickly_are_what_the_parser_finds(job: JobDirectory, seed: int) -> None:
    dice, metrics, step = random.Random(seed), Metrics(job.metrics), 0
    for _ in range(8):
        step = max(0, step - dice.randrange(30)) if dice.random() < 0.4 else step
        with job.metrics.open("a") as file:
            found = [
                trainers_row(step + more, dice, of_pairs=bool(seed % 2)) for more in range(1, dice.randrange(2, 31))
            ]
            text, step = "".join(json.dumps(row) + "\n" for row in found), step + len(found)
            assert _usual(text.encode())  # the quick way takes it
            file.write(text)
        if dice.random() < 0.3:
            data = bytearray(job.metrics.read_bytes())
            data[-dice.randrange(2, 200)] = dice.randrange(33, 127)
            job.metrics.write_bytes(data)
            metrics = Metrics(job.metrics)
        read(metrics)
        if dice.random() < 0.5:
            metrics.points("lr", 10)
        assert same_points(metrics.points("loss", 9999), parsed(job.metrics, "loss"))
    for name in (*FIELDS, *OF_PAIRS):
        assert same_points(read(Metrics(job.metrics)).points(name, 9999), parsed(job.metrics, name)), name


def parsed(metrics: Path, name: str) -> list[tuple[float, float]]:
    """Line by line, as it is meant."""
    found: dict[int, float | None] = {}
    for line in metrics.read_bytes().split(b"\n")[:-1]:
        row = row_of(line) or {}
        step = row.get("step")
        if type(step) is int and step >= 0:
            found = {earlier: y for earlier, y in found.items() if earlier < step}
            found[step] = float(row[name]) if type(row.get(name)) in (int, float) else None
    return [(step, y) for step, y in found.items() if y is not None]


def same_points(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> bool:
    return [(step, repr(y)) for step, y in one] == [(step, repr(y)) for step, y in other]


def test_half_a_row_waits_for_its_other_half(job: JobDirectory) -> None:
    metrics, line = Metrics(job.metrics), b'{"step": 1, "loss": 2.5}\n'
    job.metrics.write_bytes(line[:9])
    assert not metrics.read()
    job.metrics.write_bytes(line)
    assert read(metrics).points("loss", 9) == [(1, 2.5)]
    assert metrics.malformed == 0


def test_a_file_that_was_begun_anew_is_read_anew_also_where_it_is_longer_by_then(job: JobDirectory) -> None:
    add_rows(job, range(1, 9))
    metrics = read(Metrics(job.metrics))
    job.metrics.write_text("".join(f'{{"step": {step}, "loss": 0.5}}\n' for step in range(1, 40)))
    assert read(metrics).points("loss", 99) == [(step, 0.5) for step in range(1, 40)]


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"step": ' + b"9" * 5000 + b"}",
        b'{"step": 1e400, "loss": 1}',
        b'{"step": -4, "loss": 1.0}',
        b'{"step": true, "loss": 1.0}',
        b'{"step": 2, "loss": ' + b"9" * 400 + b"}",
        b'{"step": 2, "loss": {"a": []}, "lr": "much"}',
        b"null",
        b"\xff\xfe\x00",
        b"1, 2",
        b'{"step": 18446744073709551616, "loss": 1.0}',
    ],
)
def test_a_garbage_line_changes_no_curve(job: JobDirectory, line: bytes) -> None:
    job.metrics.write_bytes(b'{"step": 1, "loss": 2.0}\n' + line + b'\n{"step": 3, "loss": 1.0}\n')
    assert read(Metrics(job.metrics)).points("loss", 9) == [(1, 2.0), (3, 1.0)]


def test_the_room_that_a_curve_takes_has_an_end_and_no_spike_or_gap_is_lost(
    job: JobDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_module, "MOST", 1000)
    losses = [2.0 + step % 7 / 10 for step in range(20_000)]
    losses[12_345], losses[77], losses[15_000] = 99.0, -5.0, NAN
    job.metrics.write_text(
        "".join(f'{{"step": {step}, "loss": {loss!r}}}\n'.replace("nan", "NaN") for step, loss in enumerate(losses))
    )
    metrics = read(Metrics(job.metrics))
    points = metrics.points("loss", 10**6)
    assert len(points) < 1100
    assert {(12_345, 99.0), (77, -5.0)} <= set(points)
    assert metrics.broken() == [15_000]
    assert all(losses[int(step)] == loss for step, loss in points if step != 15_000)
    assert metrics.span() == (0, 19_999)


def test_reading_takes_time_in_proportion_to_what_is_read(job: JobDirectory) -> None:
    lines = [
        json.dumps({"step": step, "loss": 4 / step, **dict.fromkeys(FIELDS[2:], 1.5)}) for step in range(1, 20_001)
    ]

    def work(size: int) -> None:
        job.metrics.write_text("\n".join(lines[:size]) + "\n")
        read(Metrics(job.metrics))

    assert growth(work, 10_000) < 2


def test_the_cursor_finds_the_nearest_step(job: JobDirectory) -> None:
    rows(job, *({"step": step, "loss": float(step)} for step in (1, 4, 9)))
    metrics = read(Metrics(job.metrics))
    assert metrics.at("loss", 5) == (4, 4.0)
    assert metrics.at("lr", 5) is None


# -- what went wrong -------------------------------------------------------------------------------------------------------


def told(look: Look) -> list[tuple[int | None, str, str]]:
    return [(one.step, one.glyph, one.text) for one in look.alarms]


def test_skipped_steps_in_a_row_are_one_alarm_at_their_steps(job: JobDirectory) -> None:
    rows(
        job,
        *({"step": step, "loss": NAN if step in (5, 6) else 1.0, "skipped": step in (5, 6)} for step in range(1, 9)),
    )
    for step in (5, 6):
        append(job.events, {"event": "step skipped", "step": step, "loss": "nan", "time": 1.0})
    append(job.events, {"event": "gone back", "step": 8, "to": 4, "time": 1.0})
    look = seen(job)
    assert told(look) == [(5, "×", "skipped, its loss was nan"), (8, "↩", "went back to the checkpoint of step 4")]
    assert look.alarms[0].where == "step 5–6"


def test_a_loss_that_is_no_number_is_an_alarm_also_where_nobody_noted_it(job: JobDirectory) -> None:
    rows(job, *({"step": step, "loss": NAN if step == 3 else 1.0} for step in range(1, 6)))
    assert told(seen(job)) == [(3, "×", "the loss is no number")]


def test_a_leap_of_the_loss_is_one_alarm_where_it_begins(job: JobDirectory) -> None:
    rows(job, *({"step": step, "loss": 9.0 if step in (20, 21) else 1.0} for step in range(1, 40)))
    assert told(seen(job)) == [(20, "△", "the loss leapt to 9.0 times its mean")]


def test_chosen_replies_that_become_less_likely_are_an_alarm_where_their_mean_has_sunk(job: JobDirectory) -> None:
    rows(job, *({"step": step, "loss": 0.6, "chosen_gain": 2.0 - step / 10} for step in range(1, 90)))
    (alarm,) = seen(job).alarms
    assert (alarm.glyph, alarm.text.split(":")[0]) == ("▽", "the chosen replies have become less likely than at first")
    assert 30 < (alarm.step or 0) < 60, "past the step where one gain is as low, since a step alone says little"


def test_chosen_replies_that_sink_for_a_moment_are_none(job: JobDirectory) -> None:
    rows(job, *({"step": step, "loss": 0.6, "chosen_gain": -9.0 if step == 30 else 1.0} for step in range(1, 90)))
    assert told(seen(job)) == []


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_what_has_no_step_of_its_own_stands_where_the_machines_own_clock_says(job: JobDirectory, days: int) -> None:
    there = time.time() + 86_400 * days
    rows(job, *({"step": step, "loss": 1.0, "time": there + step} for step in range(1, 9)))
    append(job.events, {"event": "stalled", "seconds": 600, "time": there + 4.5})
    append(job.events, {"event": "disk low", "free": 3e9, "time": there + 6.5})
    assert told(seen(job)) == [(4, "!", "no new step for 10 min"), (6, "!", "only 3.0 GB left on the disk")]


def test_a_supervisor_without_a_heartbeat_is_told_of_and_one_that_beats_is_not(job: JobDirectory) -> None:
    with running(job):
        job.heartbeat.write_text(str(time.monotonic_ns()))
        assert seen(job).silence == ""
        job.heartbeat.write_text(str(time.monotonic_ns() - 600 * 10**9))
        assert seen(job).silence == "its supervisor has been silent for 10 min"
    set_state(job, "SUCCEEDED")
    assert seen(job).silence == ""


# -- cards, replies, the plan ----------------------------------------------------------------------------------------------


def test_garbage_in_every_file_is_counted_and_what_is_whole_is_shown(job: JobDirectory) -> None:
    rows(job, {"step": 1, "loss": 2.0})
    append(job.samples, {"step": 1, "prompt": "수도는?", "reply": "서울", "tokens": 2, "ended": True})
    append(
        job.gpu, {"time": 1.0, "cards": [{"card": 0, "use": 97, "mib": 41_000, "of": 81_920, "who": [["kim", 7, 900]]}]}
    )
    for file in (job.metrics, job.samples, job.gpu, job.events):
        with file.open("ab") as end:
            end.write(b'\xff\x00garbage\n{"half": \n')
    append(job.samples, {"step": "x", "prompt": 3, "reply": None})
    append(
        job.gpu,
        {
            "cards": [
                7,
                {"card": 1, "use": "much", "who": "me"},
                {"card": 0, "use": 5, "mib": 1, "of": 2, "who": [["a"]]},
            ]
        },
    )
    look = seen(job)
    assert look.malformed == 8
    assert [(one.step, one.reply) for one in look.samples] == [(1, "서울")]
    assert [(card.index, card.use, card.uses, card.who) for card in look.cards] == [
        (0, 5.0, (97.0, 5.0), ()),
        (1, None, (0.0,), ()),
    ]


def test_replies_of_a_stretch_that_was_given_up_are_gone(job: JobDirectory) -> None:
    for step, reply in ((10, "a"), (20, "b"), (30, "c"), (20, "d")):
        append(job.samples, {"step": step, "prompt": "p", "reply": reply})
        append(job.samples, {"step": step, "prompt": "q", "reply": reply})
    assert [(one.step, one.prompt, one.reply) for one in seen(job).samples] == [
        (10, "p", "a"), (10, "q", "a"), (20, "p", "d"), (20, "q", "d"),
    ]  # fmt: skip


def test_what_was_reckoned_stands_beside_what_it_comes_to(tmp_path: Path, job: JobDirectory) -> None:
    spec = {
        "predicted": {"memory_bytes": 20e9, "seconds": 7200, "seconds_are": "assumed"},
        "machine": {"price_per_hour": 3.0},
    }
    job = make_job(tmp_path, spec)
    put_down(job, machine="box", heard=time.time())
    set_state(job, "RUNNING")
    append(job.events, {"event": "starting", "time": 1000.0})
    rows(job, {"step": 1, "loss": 1.0, "memory_bytes": 18e9, "eta_s": 1800.0, "time": 4600.0})
    found = seen(job).reckoning
    assert (found.memory_predicted, found.memory_actual) == (20e9, 18e9)
    assert (found.seconds_worked, found.seconds_in_all) == (3600, 5400)
    assert (found.price(found.seconds_predicted), found.price(found.seconds_in_all)) == (6.0, 4.5)


# -- the log ---------------------------------------------------------------------------------------------------------------


def log_of(job: JobDirectory, data: bytes) -> Path:
    log = job.log(1)
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(data)
    return log


def test_the_first_error_of_a_long_log_is_found_and_shown_where_it_lies(job: JobDirectory) -> None:
    filler = b"step 1 loss 2.0, no errors so far\n" * 40_000
    log = log_of(job, filler + b"Traceback (most recent call last):\n  File x\nValueError: broken\n" + filler)
    place = find(log, FIRST_ERROR, 0)
    assert place == len(filler)
    around = page(log, place)
    assert around.lines[around.line_at(place)] == "Traceback (most recent call last):"


def test_what_is_looked_for_is_found_on_the_seam_of_two_pieces_forwards_and_backwards(job: JobDirectory) -> None:
    log = log_of(job, b"a" * ((1 << 16) - 3) + "서울 Needle\n".encode() + b"b" * 99_999 + b"\nneedle\n")
    first = find(log, words("needle"), 0)
    assert first is not None
    second = find(log, words("NEEDLE"), first + 1)
    assert second is not None
    assert find(log, words("needle"), second + 1) is None
    assert find(log, words("needle"), second, backwards=True) == first
    assert find(log, words("서울"), 0) == (1 << 16) - 3


def test_a_log_line_holds_nothing_that_a_terminal_obeys_and_of_a_bar_its_last_state(job: JobDirectory) -> None:
    log = log_of(job, b"10%\r20%\r30%\r\n\x1b[31mred\x1b[0m\x07\n" + b"x" * 10_000 + b"\n\xff half")
    lines = page(log).lines
    assert lines[:2] == ("30%", "red")
    assert len(lines[2]) == 2000
    assert lines[3] == "\ufffd half"


def test_the_end_of_a_log_is_read_however_long_it_is(job: JobDirectory) -> None:
    log = log_of(job, b"".join(b"line %d\n" % number for number in range(200_000)))
    last = page(log)
    assert last.is_last
    assert last.lines[-1] == "line 199999"
    assert len(last.lines) < 40_000
    assert page(log, 0).lines[0] == "line 0"
