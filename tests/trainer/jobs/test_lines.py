"""Rows that a kill, a full disk or a lost power left behind: skipped, never the end of anything."""

import json
from pathlib import Path

import pytest

from tests.trainer.jobs.here import Here
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.agent.files import append, last_row, rows

_HANGUL = json.dumps({"text": "손실"}, ensure_ascii=False).encode()
_DAMAGES = {
    "half a row": b'{"step": 7, "lo',
    "garbage": bytes(range(128, 256)),
    "half a syllable": _HANGUL[: _HANGUL.index("실".encode()) + 1] + b'"}',
    "zeros after a lost power": b"\0" * 512,
    "no object": b"[1, 2]",
    "a number alone": b"7",
    "too deep": b"[" * 200_000,
    "without an end": b"{" + b"x" * (9 << 20),
    "nothing": b"",
}


@pytest.mark.fault("half-written, garbage, UTF-8-split, truncated JSONL")
@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_line_is_skipped(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "metrics.jsonl"
    append(path, {"step": 1})
    with path.open("ab") as file:
        file.write(_DAMAGES[damage] + b"\n")
    append(path, {"step": 2})
    assert [row["step"] for row in rows(path)] == [1, 2]
    assert last_row(path) == {"step": 2}


def test_behind_the_half_line_of_a_killed_writer_a_new_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "l')
    assert [row["step"] for row in rows(path)] == [1]
    append(path, {"step": 3})
    assert [row["step"] for row in rows(path)] == [1, 3]


@pytest.mark.fault("half-written, garbage, UTF-8-split, truncated JSONL")
def test_a_job_goes_through_its_damaged_files_to_its_end(here: Here) -> None:
    """Its supervisor reads them as it works, and so does who asks for it."""
    damage = b"\n".join(_DAMAGES.values())
    job = here.job()
    for path in (job.directory.metrics, job.directory.events, job.directory.samples, job.directory.gpu):
        with path.open("ab") as file:
            file.write(damage)  # and no end of a line
    text = f"row(1)\nopen(job / 'events.jsonl', 'ab').write({_DAMAGES['garbage']!r} + b'\\n')\ntime.sleep(4)\nrow(2)"
    job.start(path=here.program(text))
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    told = here.client.show(job.id)
    assert told["last"]["step"] == 2
    assert [row["event"] for row in job.events()][-1] == "succeeded"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"\0" * 300])
def test_a_launch_or_a_state_that_cannot_be_read_is_as_none(here: Here, content: bytes) -> None:
    job = here.job()
    job.directory.state.write_bytes(content)
    assert here.client.show(job.id)["state"]["state"] == states.STAGED
    job.start(path=here.program("row(1)"))
    assert job.ends()["state"] == states.SUCCEEDED
