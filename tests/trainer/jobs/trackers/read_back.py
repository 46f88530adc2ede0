"""`python -m … tensorboard|trackio|wandb PLACE [RUN]`: what that tool itself reads of a run, as JSON on stdout. In a process of its own, as a
reader of the test's would be: these libraries change the process that imports them.

    rows         [[step, {name: value}], …] in the order in which they were given
    parameters   the recipe
    samples      [[step, text], …]
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_BLOCK, _HEADER = 32768, 7


def of_tensorboard(run: str) -> dict[str, Any]:
    """Its own loader for the file's order, its own accumulator (which leaves out what was given up) for what a page shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    from tensorboard.plugins.hparams import plugin_data_pb2

    [file] = Path(run).glob("*tfevents*")
    events = list(LegacyEventFileLoader(str(file)).Load())
    rows = [[e.step, {v.tag: v.simple_value for v in e.summary.value}] for e in events if _is_row(e)]
    shown = EventAccumulator(run, size_guidance={"scalars": 0, "tensors": 0})
    shown.Reload()
    tensors = [(e.step, v) for e in events for v in e.summary.value if v.metadata.plugin_data.plugin_name == "text"]
    content = next(v.metadata.plugin_data.content for e in events for v in e.summary.value if v.tag.startswith("_hp"))
    session = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    return {
        "rows": rows,
        "shown": [[s.step, s.value] for s in shown.Scalars("loss")],
        "times": [e.wall_time for e in events if _is_row(e)],
        "parameters": {name: getattr(v, v.WhichOneof("kind")) for name, v in session.hparams.items()},
        "samples": [[step, v.tensor.string_val[0].decode()] for step, v in tensors if v.tag.startswith("samples")],
    }


def _is_row(event: Any) -> bool:
    return any(value.WhichOneof("value") == "simple_value" for value in event.summary.value)


def of_trackio(project: str, run: str) -> dict[str, Any]:
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs(project, run)
    rows = [
        [row.pop("step"), {n: v for n, v in row.items() if n not in ("timestamp", "samples")}]
        for row in map(dict, logs)
    ]
    samples = [[log["step"], log["samples"]["_value"]] for log in logs if log.get("samples")]
    return {"rows": rows, "parameters": SQLiteStorage.get_run_config(project, run), "samples": samples}


def of_wandb(folder: str) -> dict[str, Any]:
    """Its offline file has no reader in Python: blocks as LevelDB's log has them, each record one of W&B's own messages."""
    from wandb.proto.wandb_internal_pb2 import Record

    [file] = Path(folder).glob("wandb/offline-run-*/run-*.wandb")
    records = [Record.FromString(data) for data in _records(file.read_bytes())]
    history = [
        {(item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    run = next(record.run for record in records if record.WhichOneof("record_type") == "run")
    tables = {path.name: json.loads(path.read_text()) for path in file.parent.rglob("*.table.json")}
    samples = [
        [row["step"], text[1]]
        for row in history
        if "samples/path" in row
        for text in tables[Path(row["samples/path"]).name]["data"]
    ]
    rows = [
        [row.pop("step"), {n: v for n, v in row.items() if not n.startswith(("samples/", "_"))}]
        for row in map(dict, history)
    ]
    parameters = {item.key: json.loads(item.value_json) for item in run.config.update}
    return {"rows": rows, "parameters": parameters, "samples": samples, "id": run.run_id, "name": run.display_name}


def _records(data: bytes) -> Iterator[bytes]:
    whole, at = b"", _HEADER  # behind the file's own header
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if not kind:
            return
        whole += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (1, 4):  # a whole one, or the last part
            yield whole
            whole = b""


if __name__ == "__main__":
    readers: dict[str, Callable[..., dict[str, Any]]] = {
        "tensorboard": of_tensorboard,
        "trackio": of_trackio,
        "wandb": of_wandb,
    }
    json.dump(readers[sys.argv[1]](*sys.argv[2:]), sys.stdout)
