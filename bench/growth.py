"""How cost grows with what is asked for: decode and prefill over context and rows, history over conversations, training over length and ranks.

    python bench/growth.py [--checkpoint FOLDER] [--only decode,prefill,history,training] [--most 100000] [--figures FOLDER]

Each curve is measured at points about a factor apart, repetitions interleaved; its exponent is the slope of the least squares line through
the logarithms of the medians: 0 costs the same however much there is, 1 twice as much for twice as much. Beside it stands the slope
between the last two points, where what grows fastest shows. FOLDER is from `bench/weights.py`; without it the 1.3b shape is written to a
temporary folder. growth-SUBJECT.svg is drawn of each, beside the report or in `--figures`.
"""

import argparse
import math
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [
    str(Path(__file__).parents[1]),
    str(Path(__file__).parent),
]  # not the other way: this folder has a trainer too
import history  # noqa: E402
from report import Report, Row, median  # noqa: E402
from side import Child  # noqa: E402
from small_model import save_model  # noqa: E402
from weights import write_checkpoint  # noqa: E402

from kullm_tui.core.plot.file import COLOURS, GRID, figure_file, put  # noqa: E402
from kullm_tui.core.store.store import Store  # noqa: E402

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CONTEXTS, _STREAMS = (32, 64, 128, 256, 512, 1024, 2000), (1, 2, 4, 8, 16)
_PROMPT = 128  # tokens of each of several
_TOKENS = 16
_CONVERSATIONS = (100, 1_000, 10_000, 100_000)
_LENGTHS, _RANKS = (64, 128, 256, 512, 1024), (1, 2)
_STEP_TOKENS, _STEPS = 4096, 3  # of a training
_EVEN = 0.15  # an exponent below which nothing is said to grow
_BY_INDEX = 0.1  # a tree is a little deeper


@dataclass
class Curve:
    """`most`: the exponent that it may have; `seconds` of every repetition by what was asked for."""

    subject: str
    name: str
    along: str
    most: float
    seconds: dict[int, list[float]] = field(default_factory=dict)

    def add(self, at: int, seconds: float) -> None:
        self.seconds.setdefault(at, []).append(seconds)

    @property
    def points(self) -> list[tuple[int, float]]:
        return [(at, median(found)) for at, found in sorted(self.seconds.items())]

    @property
    def exponent(self) -> float:
        return slope(self.points)

    def row(self) -> Row:
        (first, least), (last, most) = self.points[0], self.points[-1]
        told = f"{_told(least)} at {first:,}, {_told(most)} at {last:,}; at the end {slope(self.points[-2:]):+.2f}"
        raw = {"seconds": self.seconds, "exponent": self.exponent}
        name = f"{self.subject}: {self.name}, over {self.along}"
        return Row(name, told, self.exponent, f"≤ {self.most}", self.exponent <= self.most + _EVEN, raw)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the least squares line through the logarithms."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / sum((x - x_mean) ** 2 for x in xs)


def decode(arguments: argparse.Namespace) -> Iterator[Curve]:
    context = Curve("decode", "a token of one reply", "tokens of context", 1)
    rows = Curve("decode", "a token of each reply", "replies at once", 1)
    with _engine(arguments.checkpoint) as engine:
        for _ in range(arguments.repeat):
            for at in _CONTEXTS:
                context.add(at, engine.do("decode", context=at, tokens=_TOKENS)["seconds"] / _TOKENS)
            for streams in _STREAMS:
                step = engine.do("decode_together", streams=streams, context=_PROMPT, tokens=_TOKENS)
                rows.add(streams, step["seconds"])
    yield context
    yield rows


def prefill(arguments: argparse.Namespace) -> Iterator[Curve]:
    context = Curve("prefill", "a prompt", "its tokens", 1)
    rows = Curve("prefill", f"prompts of {_PROMPT} tokens", "prompts at once", 1)
    with _engine(arguments.checkpoint) as engine:
        for _ in range(arguments.repeat):
            for tokens in _CONTEXTS:
                context.add(tokens, engine.do("prefill", tokens=tokens)["seconds"])
            for streams in _STREAMS:
                rows.add(streams, engine.do("prefill_together", streams=streams, tokens=_PROMPT)["seconds"])
    yield context
    yield rows


def past(arguments: argparse.Namespace) -> Iterator[Curve]:
    """The store alone, as the app and `kullm history` ask it."""
    works: dict[str, tuple[float, Callable[[Store], object]]] = {
        "the newest 50 listed": (0, lambda store: store.conversations(limit=50)),
        "one opened": (0, lambda store: store.thread(store.conversations(limit=1)[0].id)),
        "a word that stands in one": (_BY_INDEX, lambda store: store.search(history.SINGLE)),
        "a common word": (1, lambda store: store.search("데이터")),
        "a single syllable": (1, lambda store: store.search("수")),
    }
    curves = {name: Curve("history", name, "conversations", most) for name, (most, _) in works.items()}
    filled = Curve("history", "all imported", "conversations", 1)
    for count in (count for count in _CONVERSATIONS if count <= arguments.most):
        with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
            path = Path(folder) / "kullm.db"
            filled.add(count, history.fill(path, count))
            with Store(path) as store:
                for _ in range(1 + 3 * arguments.repeat):
                    for name, (_most, work) in works.items():
                        curves[name].add(count, history.milliseconds(lambda work=work: work(store)) / 1000)  # type: ignore[misc]
    yield from (*curves.values(), filled)


def training(arguments: argparse.Namespace) -> Iterator[Curve]:
    """LoRA over the small model of `bench/trainer.py`. Ranks share the batch, each on a core of its own."""
    length = Curve("training", "a row", "its tokens", 1)
    ranks = Curve("training", f"a step of {_STEP_TOKENS} tokens, a core a rank", "ranks", -1)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        os.environ["KULLM_HOME"] = f"{folder}/home"
        model = save_model(Path(folder) / "model")
        for _ in range(arguments.repeat):
            for tokens in _LENGTHS:
                length.add(tokens, _step_seconds(model, tokens, ({},)) * tokens / _STEP_TOKENS)
            for world in _RANKS:
                ranks.add(world, _step_seconds(model, 256, tuple(_of_ranks(world))))
    yield length
    yield ranks


def _of_ranks(world: int) -> Iterator[dict[str, str]]:
    """A rank's variables, as torchrun sets them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for rank in range(world):
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
        yield {"MASTER_ADDR": "127.0.0.1", **{name: str(number) for name, number in numbers.items()}}


def _step_seconds(model: Path, length: int, environments: Sequence[Mapping[str, str]]) -> float:
    """The slowest rank's."""
    children = [Child("side_trainer", environment=dict(each)) for each in environments]
    asked: dict[str, Any] = {"model": str(model), "library": "ours", "weights": "bf16", "micro_tokens": 1024}
    asked |= {"batch": _STEP_TOKENS // length, "steps": _STEPS, "length": length}
    with ThreadPoolExecutor(len(children)) as together:
        found = list(together.map(lambda child: child.do("measure", **asked), children))
    for child in children:
        child.end()
    if faults := [one["error"] for one in found if "error" in one]:
        raise SystemExit(faults[0])
    return max(float(one["tokens"] / one["tokens_per_s"] / one["steps"]) for one in found)


@contextmanager
def _engine(checkpoint: Path) -> Iterator[Child]:
    """The checkpoint in 4 bits, with a row for each of the most replies."""
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as home:
        child = Child("side_engine", environment={"KULLM_HOME": home})
        child.do("load", folder=str(checkpoint), rows=max(_STREAMS))
        yield child
        child.end()


def drawn(curves: Sequence[Curve]) -> "Figure":
    """Those of one subject, a plot for each thing that they grow over, both axes logarithmic."""
    from matplotlib.figure import Figure

    overs = list(dict.fromkeys(curve.along for curve in curves))
    figure = Figure(figsize=(4.8 * len(overs), 3.6), layout="constrained")
    for place, along in enumerate(overs):
        axes: Any = figure.add_subplot(1, len(overs), place + 1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(color=GRID)
        for curve, colour in zip((one for one in curves if one.along == along), COLOURS, strict=False):
            xs, ys = zip(*curve.points, strict=True)
            label = f"{curve.name}: {curve.exponent:+.2f}"
            axes.plot(xs, ys, color=colour, linewidth=1.2, marker="o", markersize=4, label=label)
            axes.set_xticks(xs, [f"{x:,}" for x in xs], minor=False)
        axes.minorticks_off()
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        put(axes.xaxis.label, along)
        put(axes.yaxis.label, "seconds")
    return figure


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


MEASURES: dict[str, Callable[[argparse.Namespace], Iterator[Curve]]] = {
    "decode": decode,
    "prefill": prefill,
    "training": training,
    "history": past,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--most", type=int, default=10_000, help="conversations")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    arguments = parser.parse_args()
    report = Report("growth", {"repeat": arguments.repeat, "most": arguments.most}, arguments.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as scratch:
        asked = arguments.only.split(",")
        if arguments.checkpoint is None and {"decode", "prefill"} & set(asked):
            arguments.checkpoint = write_checkpoint("1.3b", Path(scratch) / "weights")
        for subject in asked:
            curves = list(MEASURES[subject](arguments))
            report.add([curve.row() for curve in curves])
            figure = figure_file(lambda curves=curves: drawn(curves), "svg")  # type: ignore[misc]
            folder = arguments.figures or arguments.out
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"growth-{subject}.svg").write_bytes(figure)
    report.finish()


if __name__ == "__main__":
    main()
