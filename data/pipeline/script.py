"""The script of a pipeline, as text: a pure function of what is to be in it. Every step stands in it with its settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from data.manifest import Mixture
from data.near_duplicates import BAND, BANDS, SHINGLE, NearDuplicates
from data.step import RowStep

ExecutorName = Literal["local", "slurm", "ray"]
EXECUTORS: tuple[ExecutorName, ...] = ("local", "slurm", "ray")
_WIDTH = 120
HELD_OUT, PATCH = "held_out.jsonl", "patch.jsonl"

# How each step is made anew, and from where it is imported.
_MADE: Mapping[str, tuple[str, str]] = {
    "clean": ("Clean()", "from data.clean import Clean"),
    "decontaminate": (
        f'Decontaminate(texts_in(HERE / "{HELD_OUT}"))',
        "from data.decontaminate import Decontaminate",
    ),
    "patch": (f'read_patch(HERE / "{PATCH}")', "from data.patches import read_patch"),
    "paper": ("PaperFilter()", "from data.filters.paper import PaperFilter"),
    "strict": ("StrictFilter()", "from data.filters.strict import StrictFilter"),
}
_CLASSES: Mapping[ExecutorName, str] = {
    "local": "LocalPipelineExecutor",
    "slurm": "SlurmPipelineExecutor",
    "ray": "RayPipelineExecutor",
}
_MORE: Mapping[ExecutorName, str] = {
    "local": "",
    "slurm": '\n        job_name=f"kullm-{name}",\n        partition=PARTITION,\n        time=TIME,',
    "ray": "",
}
_CONSTANTS: Mapping[ExecutorName, str] = {
    "local": "",
    "slurm": 'PARTITION, TIME = "cpu", "12:00:00"  # of your cluster\n',
    "ray": "",
}


@dataclass(frozen=True)
class Script:
    mixture: Mixture  # its files by whole paths
    before: Sequence[RowStep]
    after: Sequence[RowStep]
    foreign: Sequence[str]  # the sources that are translated
    most_dollars: float
    executor: ExecutorName
    shards: int
    workers: int


def script_text(script: Script) -> str:
    return _head(script) + _stages(script)


def _head(script: Script) -> str:
    mixture, executor = script.mixture, _CLASSES[script.executor]
    duplicates = bool(mixture.steps.duplicates)
    blocks = ["Outputs", "EachOnce", "ReadSource", "Rejected", "Shard", "as_origin", "as_record", "parts_of"]
    blocks += ["Through"] if (*script.before, *script.after) else []
    blocks += ["Translate"] if script.foreign else []
    blocks += ["Alike", "Candidates", "LetterSignature"] if duplicates else []
    blocks += ["texts_in"] if any(step.name == "decontaminate" for step in script.before) else []
    imports = [f"from datatrove.executor import {executor}"]
    if duplicates:
        imports.append("from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster")
        imports.append("from datatrove.pipeline.dedup.minhash import MinhashConfig")
    if script.foreign:
        imports.append("from datatrove.pipeline.readers import JsonlReader")
    imports.append("from datatrove.pipeline.writers import JsonlWriter")
    imports.append("")
    manifest = "SourceChoice, Translation" if script.foreign else "SourceChoice"
    own = {f"from data.manifest import {manifest}", _import("data.pipeline.blocks", blocks)}
    own |= {"from data.near_duplicates import NearDuplicates"} if duplicates else set()
    own |= {_MADE[step.name][1] for step in (*script.before, *script.after)}
    return _HEAD.format(
        name=mixture.name,
        imports="\n".join([*imports, *sorted(own)]),
        executor=executor,
        more=_MORE[script.executor],
        constants=_CONSTANTS[script.executor] + _translation(script) + (_minhash() if duplicates else ""),
        shards=script.shards,
        workers=script.workers,
        seed=mixture.seed,
        held_out=mixture.held_out,
        sources=_listed(mixture.sources),
        outputs=_outputs(mixture),
    )


def _translation(script: Script) -> str:
    if not script.foreign:
        return ""
    return (
        f"MOST_DOLLARS = {_literal(script.most_dollars)}  # the translation stops here; 0: only what is paid for already\n"
        + _call(script.mixture.translation, "TRANSLATION = ")
        + "\n"
    )


def _minhash() -> str:
    return (
        f"# The bands of a build, over its shingles of {SHINGLE} letters. Bands and rows the other way round find almost nothing.\n"
        f"MINHASH = MinhashConfig(num_buckets={BANDS}, hashes_per_bucket={BAND})\n"
    )


def _listed(values: Sequence[Any]) -> str:
    return "".join(f"{_call(value, indent=4)},\n" for value in values)


def _call(value: Any, before: str = "", *, indent: int = 0) -> str:
    """What makes it, without what is so anyway."""
    given = {one.name: getattr(value, one.name) for one in fields(value)}
    usual = {one.name: one.default for one in fields(value)} | {"columns": {}}
    told = [f"{name}={_literal(one)}" for name, one in given.items() if one != usual[name]]
    return _broken(f"{before}{type(value).__name__}(", told, ")", indent=indent)


def _literal(value: Any) -> str:
    """As a person would write it: JSON's quotes."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Mapping():
            return "{" + ", ".join(f"{_literal(key)}: {_literal(one)}" for key, one in value.items()) + "}"
        case tuple():
            return "(" + "".join(f"{_literal(one)}, " for one in value)[: None if len(value) == 1 else -2].strip() + ")"
    return repr(value)


def _outputs(mixture: Mixture) -> str:
    outputs = mixture.outputs or {mixture.name: tuple(one.name for one in mixture.sources)}
    return "".join(_output(name, sources) + ",\n" for name, sources in outputs.items())


def _output(name: str, sources: Sequence[str]) -> str:
    told = [_literal(one) for one in sources]
    return _broken(f"{_literal(name)}: (", told, ")" if len(told) > 1 else ",)", indent=4)


def _stages(script: Script) -> str:
    text, last = _READ, "prepared"
    before = "".join(map(_through, script.before))
    after = "".join(map(_through, script.after))
    if script.foreign:
        text += _PREPARED.format(steps=before) + _TRANSLATED.format(foreign=_literal(tuple(script.foreign)))
        text += _FINISHED.format(steps=after)
        last = "finished"
    else:
        text += _PREPARED.format(steps=before + after)
    threshold = script.mixture.steps.duplicates
    if threshold:
        settings = _literal(NearDuplicates(threshold).settings)
        text += _DEDUPLICATED.format(last=last, threshold=threshold, settings=settings)
        return text + _WRITTEN.format(after="decided", shards=_DECIDED)
    return text + _WRITTEN.format(after=last, shards=f'        Shard(WORK / "{last}"),\n')


def _through(step: RowStep) -> str:
    told = (_MADE[step.name][0], _literal(step.settings), f'Rejected(REJECTED, "{step.name}")')
    return _broken("Through(", told, ")", indent=8) + ",\n"


def _import(module: str, names: Sequence[str]) -> str:
    ordered = sorted(names, key=lambda name: (name[0].islower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    return line if len(line) <= _WIDTH else _broken(f"from {module} import (", ordered, ")", indent=0)


def _broken(begin: str, pieces: Sequence[str], end: str, *, indent: int) -> str:
    """One to a line where they do not fit into one."""
    blank = " " * indent
    line = f"{blank}{begin}{', '.join(pieces)}{end}"
    if len(line) < _WIDTH:  # and a comma behind it
        return line
    return f"{blank}{begin}\n" + "".join(f"{blank}    {one},\n" for one in pieces) + f"{blank}{end}"


_HEAD = '''"""The mixture {name} as a datatrove pipeline, made by `kullm data emit`.

The rows come into output/, shard after shard in the mixture's order; what each step left out, with its reason, into rejected/.
Every machine that runs a task needs this folder at the same path, `pip install 'kullm[data]' 'datatrove[io]'`, and the
files of the sources where they are named. Started again, it goes on with the tasks that are missing.
"""

from pathlib import Path

{imports}

HERE = Path(__file__).resolve().parent
WORK, OUTPUT, REJECTED = HERE / "work", HERE / "output", HERE / "rejected"
SHARDS = {shards}  # tasks of each stage: some 100,000 rows each are sorted in memory
WORKERS = {workers}  # tasks at once
SEED, HELD_OUT_SHARE = {seed}, {held_out}
SOURCES = [
{sources}]
OUTPUTS = {{
{outputs}}}
{constants}

def stage(name, after, *pipeline, tasks=SHARDS):
    return {executor}(
        pipeline=list(pipeline),
        tasks=tasks,
        workers=min(tasks, WORKERS),
        depends=after,
        logging_dir=str(WORK / "logs" / name),{more}
    )


def rows(name):
    """Where a stage leaves its rows, by shards."""
    return JsonlWriter(str(WORK / name), "${{shard}}/${{rank}}.jsonl.gz")
'''
_READ = """

def main():
    parts = parts_of(SOURCES)
    read = stage(
        "read", None, ReadSource(parts, SHARDS, SEED, Rejected(REJECTED, "read")), rows("read"), tasks=len(parts)
    )
"""
_PREPARED = """    prepared = stage(
        "prepared",
        read,
        Shard(WORK / "read"),
        EachOnce(Rejected(REJECTED, "once")),
{steps}        rows("prepared"),
    )
"""
_TRANSLATED = """    translated = stage(
        "translated",
        prepared,
        JsonlReader(str(WORK / "prepared"), add_file_path=False),
        Translate(TRANSLATION, {foreign}, MOST_DOLLARS, Rejected(REJECTED, "translate")),
        rows("translated"),
        tasks=1,
    )
"""
_FINISHED = """    finished = stage(
        "finished",
        translated,
        Shard(WORK / "translated"),
{steps}        rows("finished"),
    )
"""
_DEDUPLICATED = """    # Near-duplicates. datatrove finds the rows that meet in a band, a build's own step compares these exactly.
    signatures = stage(
        "signatures", {last}, Shard(WORK / "{last}"), LetterSignature(str(WORK / "signatures"), MINHASH)
    )
    buckets = stage(
        "buckets",
        signatures,
        MinhashDedupBuckets(str(WORK / "signatures"), str(WORK / "buckets"), config=MINHASH),
        tasks=MINHASH.num_buckets,
    )
    clusters = stage(
        "clusters",
        buckets,
        MinhashDedupCluster(str(WORK / "buckets"), str(WORK / "clusters"), MINHASH, save_cluster_id=True),
        tasks=1,
    )
    candidates = stage(
        "candidates",
        clusters,
        Shard(WORK / "{last}"),
        Candidates(WORK / "clusters", SHARDS),
        JsonlWriter(str(WORK / "candidates"), "${{place}}/${{rank}}.jsonl.gz"),
    )
    decided = stage(
        "decided",
        candidates,
        Shard(WORK / "candidates" / "met"),
        Alike(
            NearDuplicates({threshold}),
            {settings},
            Rejected(REJECTED, "near-duplicates"),
        ),
        rows("decided"),
    )
"""
_DECIDED = """        Shard(WORK / "candidates" / "alone"),
        Shard(WORK / "decided"),
"""
_WRITTEN = """    written = stage(
        "written",
        {after},
{shards}        Outputs(OUTPUTS, SEED, HELD_OUT_SHARE),
        JsonlWriter(str(OUTPUT), "${{output}}/${{rank}}.jsonl", compression=None, adapter=as_record),
        JsonlWriter(str(OUTPUT), "${{output}}.origins/${{rank}}.jsonl", compression=None, adapter=as_origin),
    )
    written.run()


if __name__ == "__main__":
    main()
"""
