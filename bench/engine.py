"""The engine's promises, each beside its peer in one run, repetitions interleaved.

    python bench/engine.py --checkpoint FOLDER [--size 5.8b] [--llama PYTHON FILE.gguf] [--only decode,adapters] [--repeat 5]

FOLDER is from `bench/weights.py`, FILE.gguf from `bench/llama_file.py`, PYTHON the one that has llama-cpp-python. Without FOLDER the
1.3b shape is written to a temporary folder, and without --llama its file too, where this Python has llama-cpp-python and gguf. Every side runs in a process of its own and only one of them works at a time.
KULLM_PROCESSOR has our side and `generate` take another processor's path; llama.cpp is held to one when it is built
(CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON").
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row, median  # noqa: E402
from side import Child, anonymous_bytes  # noqa: E402

_SHORT, _LONG, _TOKENS = 32, 1500, 48
_ANSWER = 128  # tokens of a reply in a column
_LONGEST = 20.0  # seconds that one measurement may take; of a side that is slower fewer tokens are asked
_GB = 1e9


@dataclass(frozen=True)
class Setup:
    checkpoint: Path
    size: str
    home: Path  # a KULLM_HOME of its own
    llama_python: str | None
    llama_file: str | None
    repeat: int

    @property
    def environment(self) -> dict[str, str]:
        return {"KULLM_HOME": str(self.home)}

    @contextmanager
    def engine(self) -> Iterator[Child]:
        with _ended(Child("side_engine", environment=self.environment)) as child:
            child.do("load", folder=str(self.checkpoint))
            yield child

    @contextmanager
    def generate(self, form: str = "bnb") -> Iterator[Child]:
        with _ended(Child("side_generate", environment=self.environment)) as child:
            child.do("load", folder=str(self.checkpoint), form=form)
            yield child

    @contextmanager
    def llama(self, *, flash: bool) -> Iterator[Child | None]:
        if self.llama_python is None:
            yield None
            return
        with _ended(Child("side_llama", python=self.llama_python)) as child:
            child.do("load", file=self.llama_file, flash=flash)
            yield child


@contextmanager
def _ended(child: Child) -> Iterator[Child]:
    try:
        yield child
    finally:
        child.end()


def decode(setup: Setup) -> list[Row]:
    """Tokens a second of one reply, near the beginning and behind a long conversation."""
    rows: list[Row] = []
    with (
        setup.engine() as engine,
        setup.generate() as generate,
        setup.llama(flash=True) as flash,
        setup.llama(flash=False) as plain,
    ):
        weights = engine.do("load", folder=str(setup.checkpoint))["bytes"]
        named = {"engine": engine, "generate": generate, "llama.cpp": plain, "llama.cpp flash": flash}
        for context, most in ((_SHORT, _TOKENS), (_LONG, _TOKENS // 3)):
            # `generate` would read the long context anew for every measurement.
            sides = {name: side for name, side in named.items() if side and (name, context) != ("generate", _LONG)}
            tokens = {name: _fitting(side, context, most) for name, side in sides.items()}
            speeds: dict[str, list[float]] = {name: [] for name in sides}
            bandwidths: list[float] = []
            for _ in range(setup.repeat if context == _SHORT else max(2, setup.repeat // 2)):
                bandwidths.append(engine.do("bandwidth"))
                for name, side in sides.items():
                    seconds = side.do("decode", context=context, tokens=tokens[name])["seconds"]
                    speeds[name].append(tokens[name] / seconds)
            rows += _decode_rows(context, speeds, bandwidths, weights)
    return rows


def _fitting(side: Child, context: int, most: int) -> int:
    """How many tokens it decodes within a measurement's time."""
    return min(most, max(2, int(_LONGEST / side.do("decode", context=context, tokens=1)["seconds"])))


def _decode_rows(context: int, speeds: dict[str, list[float]], bandwidths: list[float], weights: int) -> list[Row]:
    ours = median(speeds["engine"])
    found: list[Row] = []
    if "generate" in speeds:
        found.append(_against(f"decode at {context}, generate", ours, median(speeds["generate"]), "", None, speeds))
    peers = [median(values) for name, values in speeds.items() if name.startswith("llama")]
    if peers:
        found.append(_against(f"decode at {context}, llama.cpp Q4_K_M", ours, max(peers), "≥ 1.15", 1.15, speeds))
    if context == _SHORT:
        limit = median(bandwidths) / weights
        raw = {"tokens_per_second": speeds["engine"], "bytes_per_second": bandwidths, "bytes_per_token": weights}
        found.append(_against("decode, what bandwidth allows", ours, limit, "≥ 0.85", 0.85, raw))
    return found


def _against(promise: str, ours: float, peer: float, goal: str, least: float | None, raw: object) -> Row:
    ratio = ours / peer
    met = None if least is None else ratio >= least
    return Row(promise, f"{ours:.2f} : {peer:.2f} tokens/s", ratio, goal, met, {"raw": raw})


def prefill(setup: Setup) -> list[Row]:
    with setup.engine() as engine, setup.generate() as generate, setup.llama(flash=True) as llama:
        sides = {
            name: side for name, side in (("engine", engine), ("generate", generate), ("llama.cpp", llama)) if side
        }
        seconds = {name: [side.do("prefill", tokens=512)["seconds"]] for name, side in sides.items()}
        for _ in range(max(2, setup.repeat // 2) - 1):
            for name, side in sides.items():
                if seconds[name][0] < _LONGEST:
                    seconds[name].append(side.do("prefill", tokens=512)["seconds"])
    ours = median(seconds["engine"])
    peers = [name for name in sides if name != "engine"]
    return [
        Row(
            f"512 tokens read, {peer}",
            f"{ours:.1f} : {median(seconds[peer]):.1f} s",
            ours / median(seconds[peer]),
            "≤ 0.8" if peer == "llama.cpp" else "",
            ours <= 0.8 * median(seconds[peer]) if peer == "llama.cpp" else None,
            seconds,
        )
        for peer in peers
    ]


def adapters(setup: Setup) -> list[Row]:
    from weights import write_lora

    folders = [write_lora(setup.size, setup.home / "lora" / str(number), seed=number) for number in range(3)]
    return [adapters_row(setup, folders)]


def adapters_row(setup: Setup, folders: Sequence[Path]) -> Row:
    """One question to three adapters over one base, each answering with the same number of tokens."""
    names, measured = [folder.name for folder in folders], []
    with setup.engine() as engine:
        for folder, name in zip(folders, names, strict=True):
            engine.do("attach", folder=str(folder), name=name)
        for _ in range(max(2, setup.repeat // 2)):
            measured.append(engine.do("adapters", names=names, context=_SHORT, tokens=_ANSWER))
    ratio = median([one["apart"] / one["together"] for one in measured])
    found = f"{median([one['together'] for one in measured]):.1f} : {median([one['apart'] for one in measured]):.1f} s"
    return Row("three adapters together : apart", found, ratio, "≥ 1.8", ratio >= 1.8, {"seconds": measured})


def second_turn(setup: Setup) -> list[Row]:
    with setup.engine() as engine:
        engine.do("prefill", tokens=64)
        measured = [engine.do("second_turn", history=_LONG, question=24) for _ in range(max(2, setup.repeat // 2))]
    ratio = median([one["again"] / one["whole"] for one in measured])
    found = f"{median([one['again'] for one in measured]):.2f} : {median([one['whole'] for one in measured]):.2f} s"
    return [Row("second turn at 1,500 : full prefill", found, ratio, "≤ 0.2", ratio <= 0.2, {"seconds": measured})]


def arrival(setup: Setup) -> list[Row]:
    with setup.engine() as engine:
        measured = [engine.do("arrival", streams=8, context=_SHORT, newcomer=_LONG) for _ in range(2)]
    ratio = median([one["longest"] / one["normal"] for one in measured])
    first = measured[0]
    found = f"{1000 * first['longest']:.0f} : {1000 * first['normal']:.0f} ms"
    return [Row("longest pause : token, 8 streams", found, ratio, "≤ 3", ratio <= 3, {"seconds": measured})]


def first_load(setup: Setup) -> list[Row]:
    """Nothing cached, to the first token; then the same from the cache; then as a notebook does it."""
    with tempfile.TemporaryDirectory(prefix="kullm-bench-", dir=setup.home) as home:
        first, later = (_first_token({"KULLM_HOME": home}, str(setup.checkpoint)) for _ in range(2))
    with _ended(Child("side_generate", environment=setup.environment)) as peer:
        theirs = peer.do("quantising_load", folder=str(setup.checkpoint))
        theirs["peak_bytes"] = peer.peak
    with setup.engine() as engine:
        four_bit = engine.do("load", folder=str(setup.checkpoint))["bytes"]
    allowed, raw = 2 * four_bit + _GB, {"first": first, "later": later, "peer": theirs, "four_bit_bytes": four_bit}
    ratio = first["seconds"] / theirs["seconds"]
    return [
        Row("first load : load then quantise", _seconds(first, theirs), ratio, "≤ 0.5", ratio <= 0.5, raw),
        _memory("first load, anonymous peak : 2 × 4-bit + 1 GB", first, allowed),
        _memory("later load, anonymous peak : 1.3 × 4-bit", later, 1.3 * four_bit),
    ]


def _memory(promise: str, found: dict[str, float], allowed: float) -> Row:
    peak = found["peak_bytes"]
    return Row(promise, f"{peak / _GB:.2f} : {allowed / _GB:.2f} GB", peak / allowed, "≤ 1", peak <= allowed, found)


def cold_start(setup: Setup) -> list[Row]:
    """`kullm ask` with no engine running, to its first token."""
    imports, ours, llama = [], [], []
    for _ in range(2 * setup.repeat):  # seconds each, of which no two are alike on a machine that others use as well
        imports.append(_run_seconds([sys.executable, "-P", "-c", "import torch, transformers"]))
        ours.append(_first_token(setup.environment, str(setup.checkpoint))["seconds"])
        if setup.llama_python:
            started = time.perf_counter()
            with setup.llama(flash=True) as peer:
                assert peer
                peer.do("prefill", tokens=8)
                llama.append(time.perf_counter() - started)
    raw = {"imports": imports, "engine": ours, "llama": llama}
    rows = [_start_row("cold start : import torch, transformers", ours, imports, 1.5, raw)]
    if llama:
        rows.append(_start_row("cold start : llama.cpp load and token", ours, llama, 2.0, raw))
    return rows


def _start_row(promise: str, ours: list[float], theirs: list[float], most: float, raw: dict[str, Any]) -> Row:
    ratio = median(ours) / median(theirs)
    found = f"{median(ours):.1f} : {median(theirs):.1f} s"
    return Row(promise, found, ratio, f"≤ {most}", ratio <= most, raw)


def _first_token(environment: dict[str, str], model: str) -> dict[str, float]:
    """The engine is started for this and ended after it. Its own peak counts, until the first token."""
    kullm = [str(Path(sys.executable).with_name("kullm"))]
    environment = {**os.environ, **environment}
    subprocess.run([*kullm, "engine", "stop"], env=environment, capture_output=True, check=False)
    started = time.perf_counter()
    ask = subprocess.Popen(
        [*kullm, "ask", "-m", model, "--max-tokens", "4", "안녕하세요"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert ask.stdout
    peak, pid = 0, 0
    os.set_blocking(ask.stdout.fileno(), False)
    while not ask.stdout.read(1) and ask.poll() is None:
        pid = pid or _engine_pid(Path(environment["KULLM_HOME"]))
        peak = max(peak, anonymous_bytes(pid)) if pid else 0
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    if ask.wait():
        raise SystemExit(f"kullm ask -m {model} failed")
    subprocess.run([*kullm, "engine", "stop"], env=environment, capture_output=True, check=False)
    return {"seconds": seconds, "peak_bytes": peak}


def _engine_pid(home: Path) -> int:
    for file in home.glob("engine/*/engine.json"):
        try:
            return int(json.loads(file.read_text())["pid"])
        except (OSError, ValueError):
            continue
    return 0


def _run_seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def _seconds(ours: dict[str, float], theirs: dict[str, float]) -> str:
    return f"{ours['seconds']:.0f} : {theirs['seconds']:.0f} s"


MEASURES: dict[str, Callable[[Setup], list[Row]]] = {
    "decode": decode,
    "prefill": prefill,
    "adapters": adapters,
    "second-turn": second_turn,
    "arrival": arrival,
    "cold-start": cold_start,
    "first-load": first_load,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--size", default="1.3b")
    parser.add_argument("--llama", nargs=2, metavar=("PYTHON", "FILE"))
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as scratch:
        checkpoint = arguments.checkpoint or _written(arguments.size, Path(scratch) / "weights")
        home = arguments.out / "home"
        home.mkdir(parents=True, exist_ok=True)
        python, file = arguments.llama or _llama(checkpoint, Path(scratch))
        setup = Setup(checkpoint.absolute(), arguments.size, home.absolute(), python, file, arguments.repeat)
        settings = {name: str(value) for name, value in vars(arguments).items()}
        report = Report("engine", settings, arguments.out)
        for name in arguments.only.split(","):
            report.add(MEASURES[name](setup))
        report.finish()


def _llama(checkpoint: Path, folder: Path) -> tuple[str | None, str | None]:
    """This Python and the checkpoint in a file of its own, where llama-cpp-python and gguf are installed."""
    if not (find_spec("llama_cpp") and find_spec("gguf")):
        return None, None
    made = folder / "peer.gguf"
    subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("llama_file.py")), str(checkpoint), str(made)], check=True
    )
    return sys.executable, str(made)


def _written(size: str, folder: Path) -> Path:
    from weights import write_checkpoint

    return write_checkpoint(size, folder)


if __name__ == "__main__":
    main()
