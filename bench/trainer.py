"""Real tokens a second and peak memory of LoRA fine-tuning: this project's loop beside TRL's SFTTrainer and transformers' Trainer.

    python bench/trainer.py [--precision bf16|fp32] [--repeat 2] [--out FOLDER] [--seconds 420]

One random GPT-NeoX of about 40 million parameters with Polyglot's vocabulary; the same rows, batch, adapter, precision and threads on
every side, no gradient checkpointing. First every setting of a peer is tried on two small steps: its types at a micro-batch of 4, then
padded, grouped by length and packed (TRL alone packs) × micro-batches of 1, 2, 4 and 8 in the best of them. Then each peer at its best
setting beside ours: whole processes, interleaved.

`--kind dpo`: preference pairs, beside TRL's DPOTrainer, which neither packs nor groups them; its reference computed step by step or
before the first one. What is counted is pairs, and the reference's time is in it on both sides.

Types at bf16: the base in bf16, with and without the library's `bf16=True`, and an fp32 base with it. At fp32: fp32 throughout.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parents[1]),
    str(Path(__file__).parent),
]  # not the other way: this folder has a trainer too
from report import Report, Row, median  # noqa: E402
from side import Child  # noqa: E402
from side_trainer import facts_of, rows  # noqa: E402
from small_model import LAYERS, VOCABULARY, WIDTH, save_model  # noqa: E402

BATCH, STEPS = 16, 4
TRIED_BATCH, TRIED_STEPS = 8, 2
MICRO = (2, 1, 4, 8)
LAYOUTS = {
    "trl": ("packed", "grouped", "padded"),
    "trainer": ("grouped", "padded"),
    "trl-dpo": ("padded", "precomputed"),
}
TITLES = {"trl": "TRL SFTTrainer", "trainer": "transformers.Trainer", "trl-dpo": "TRL DPOTrainer"}
TRYING_SHARES = {"sft": {"trl": 0.45, "trainer": 0.2}, "dpo": {"trl-dpo": 0.6}}  # of the time
COUNTED = {
    "sft": ("real tokens/s", "tokens_per_s", None),
    "dpo": ("pairs/s", "rows_per_s", 0.7),
}  # and of a peer's memory at most
LEAST = {("sft", "fp32"): 1.6}  # times a peer's speed; twice elsewhere
OURS = {"sft": ("ours", 4096), "dpo": ("ours-dpo", 2048)}  # and what is computed at once, as in the demo's recipes


@dataclass(frozen=True)
class Setting:
    library: str
    layout: str = "packed"
    micro: int = 4
    weights: str = "bf16"
    autocast: bool = False
    micro_tokens: int = 0  # ours alone

    def __str__(self) -> str:
        return f"{self.layout}, {self.micro} a micro-batch, {self.types}"

    @property
    def types(self) -> str:
        return f"{self.weights} base{', bf16=True' if self.autocast else ''}"


Tried = dict[Setting, dict[str, Any]]


class Trying:
    """Settings measured one after the other in a process a library, until the time for it is over."""

    def __init__(self, model: Path) -> None:
        self._model, self._deadline = model, 0.0
        self.found: Tried = {}

    def best(self, library: str, precision: str, seconds: float) -> Setting | None:
        self._deadline = time.monotonic() + seconds
        child = Child("side_trainer", environment=_quiet())
        for setting in _types(library, precision):
            self._try(child, setting)
        types = {kind: self._fastest(library, kind) for kind in {each.types for each in self.found}}
        first = max(filter(None, types.values()), key=self._speed, default=None)
        if first is not None:
            for setting in _layouts(first):
                self._try(child, setting)
        child.end()
        return self._fastest(library)

    def _try(self, child: Child, setting: Setting) -> None:
        if setting not in self.found and time.monotonic() < self._deadline:
            self.found[setting] = _measured(child, setting, self._model, TRIED_BATCH, TRIED_STEPS)

    def _fastest(self, library: str, types: str = "") -> Setting | None:
        mine = [each for each in self.found if each.library == library and types in ("", each.types)]
        return max(filter(self._speed, mine), key=self._speed, default=None)

    def _speed(self, setting: Setting) -> float:
        return float(self.found[setting].get("tokens_per_s", 0.0))


def _types(library: str, precision: str) -> Iterator[Setting]:
    start = Setting(library, LAYOUTS[library][0])
    if precision == "fp32":
        yield replace(start, weights="fp32")
        return
    yield start
    yield replace(start, autocast=True)
    yield replace(start, weights="fp32", autocast=True)


def _layouts(start: Setting) -> Iterator[Setting]:
    """The likely best first: where time runs out, the others stay untried."""
    for layout in LAYOUTS[start.library]:
        for micro in MICRO:
            yield replace(start, layout=layout, micro=micro)


def _measured(child: Child, setting: Setting, model: Path, batch: int, steps: int) -> dict[str, Any]:
    found: dict[str, Any] = child.do("measure", model=str(model), batch=batch, steps=steps, **asdict(setting))
    told = {name: value for name, value in found.items() if name != "traceback"}
    sys.stderr.write(f"{setting.library}: {setting}: {told}\n")
    return found


def side_by_side(settings: list[Setting], model: Path, repeat: int, deadline: float) -> dict[str, list[dict[str, Any]]]:
    """Each measurement in a process of its own, so that its peak memory is its own."""
    found: dict[str, list[dict[str, Any]]] = {setting.library: [] for setting in settings}
    for repetition in range(repeat):
        if repetition and time.monotonic() > deadline:
            break
        for setting in settings:
            child = Child("side_trainer", environment=_quiet())
            found[setting.library].append(_measured(child, setting, model, BATCH, STEPS))
            child.end()
    return found


def compared(
    library: str, best: Setting | None, found: dict[str, list[dict[str, Any]]], tried: Tried, kind: str, least: float
) -> list[Row]:
    title, (counted, fact, most_memory) = TITLES[library], COUNTED[kind]
    raw = {"tried": {str(each): facts for each, facts in tried.items() if each.library == library}}
    if best is None:
        why = next(iter(raw["tried"].values()), {}).get("error", "not tried")
        return [Row(f"{counted} beside {title}", f"did not run: {why}"[:100], None, f"≥ {least}", None, raw)]
    mine = found[OURS[kind][0]]
    raw |= {"ours": mine, "theirs": found[library], "best": str(best)}  # type: ignore[dict-item]
    speed, theirs = _median(mine, fact), _median(found[library], fact)
    peak, their_peak = _median(mine, "peak_bytes"), _median(found[library], "peak_bytes")
    memory = f"{peak / 1e6:,.0f} : {their_peak / 1e6:,.0f} MB"
    told = f"{speed:,.4g} : {theirs:,.4g}"
    goal = f"≤ {most_memory}" if most_memory else ""
    met = peak <= most_memory * their_peak if most_memory else None
    return [
        Row(f"{counted} beside {title}", told, speed / theirs, f"≥ {least}", speed >= least * theirs, raw),
        Row("  its best setting", str(best), None, "", None),
        Row(f"peak memory beside {title}", memory, peak / their_peak, goal, met),
    ]


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return median([float(run[name]) for run in runs if name in run])


def tried_rows(tried: Tried) -> list[Row]:
    ordered = sorted(tried.items(), key=lambda item: (item[0].library, -item[1].get("tokens_per_s", 0)))
    return [
        Row(
            f"tried: {TITLES[each.library]}",
            f"{facts.get('tokens_per_s', facts.get('error', ''))}  {each}"[:110],
            None,
            "",
            None,
        )
        for each, facts in ordered
    ]


def _quiet() -> dict[str, str]:
    return {"PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("sft", "dpo"), default="sft")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=420.0, help="for trying and comparing")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        os.environ["KULLM_HOME"] = f"{folder}/home"
        model = save_model(Path(folder) / "model")
        trying = Trying(model)
        best = {
            library: trying.best(library, arguments.precision, share * arguments.seconds)
            for library, share in TRYING_SHARES[arguments.kind].items()
        }
        side, tokens = OURS[arguments.kind]
        ours = Setting(side, weights=arguments.precision, micro_tokens=tokens)
        name = "trainer" if arguments.kind == "sft" else f"trainer-{arguments.kind}"
        report = Report(f"{name}-{arguments.precision}", _settings(arguments.precision), arguments.out)
        report.add(tried_rows(trying.found))
        sides = [ours, *filter(None, best.values())]
        found = side_by_side(sides, model, arguments.repeat, began + 0.8 * arguments.seconds)
        least = LEAST.get((arguments.kind, arguments.precision), 2)
        for library, setting in best.items():
            report.add(compared(library, setting, found, trying.found, arguments.kind, least))
    report.finish()


def _settings(precision: str) -> dict[str, Any]:
    return {
        "model": f"GPT-NeoX {LAYERS} layers, width {WIDTH}, vocabulary {VOCABULARY}",
        "precision": precision,
        "batch": BATCH,
        "steps": STEPS,
        "threads": len(os.sched_getaffinity(0)),
        **facts_of(rows(BATCH * STEPS)),
    }


if __name__ == "__main__":
    main()
