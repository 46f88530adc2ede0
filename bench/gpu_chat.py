"""A model of 5.8b to talk to: loading, reading a prompt, decoding, three adapters together; beside `generate` on the same weights."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import side_engine
import side_generate
from gpu_setup import Setup
from report import Row, median
from weights import write_lora

_SHORT, _LONG = 32, 1500
_TOKENS, _ANSWER, _REPEAT = 64, 64, 3
_ADAPTERS = 3


def chat(setup: Setup, *, precision: str) -> Iterator[Sequence[Row]]:
    size = setup.shape("5.8b")
    title = f"{size} {precision}"
    making = setup.seconds(lambda: setup.checkpoint(size))
    folder = setup.checkpoint(size)
    engine, generate = side_engine.Side(), side_generate.Side()
    try:
        yield [_loading(setup, engine, folder, title, precision, making)]
        generate.load(str(folder), form="bnb" if precision == "4bit" else "bf16", device=str(setup.device))
        for context in (_SHORT, setup.some(_LONG)):
            yield [_decoding(setup, engine, generate, title, context)]
        yield [_bandwidth_row(setup, engine, title)]
        for tokens in (setup.some(512), setup.some(_LONG)):
            yield [_prefill(setup, engine, generate, title, tokens)]
        yield _adapters(setup, engine, generate, title, size)
    finally:
        engine.close()


def _loading(setup: Setup, engine: side_engine.Side, folder: Path, title: str, precision: str, making: float) -> Row:
    """Twice: the first makes the 4-bit form, the later one maps it."""
    first = _load(setup, engine, folder, precision)
    engine.close()
    del engine.batch, engine.rack, engine.model
    gc.collect()
    later = _load(setup, engine, folder, precision)
    raw = {"first": first, "later": later, "making_random_weights": making}
    told = f"{first['seconds']:.1f}, again {later['seconds']:.1f} s, {later['bytes'] / 1e9:.1f} GB"
    return Row(f"{title}: load", told, None, "", None, raw)


def _load(setup: Setup, engine: side_engine.Side, folder: Path, precision: str) -> dict[str, float]:
    found: dict[str, float] = {}
    rows = _ADAPTERS + 1
    setup.seconds(lambda: found.update(engine.load(str(folder), precision, rows=rows, device=str(setup.device))))
    return found


def _decoding(setup: Setup, engine: side_engine.Side, generate: side_generate.Side, title: str, context: int) -> Row:
    tokens = setup.some(_TOKENS)
    seconds = _taken(setup, engine, generate, lambda side: side.decode(context, tokens)["seconds"])
    return _speeds(f"{title}: decode at {context}, generate", seconds, tokens)


def _bandwidth_row(setup: Setup, engine: side_engine.Side, title: str) -> Row:
    """Every weight is read once for a token: what copying reaches, of which half is reading, is the limit."""
    tokens = setup.some(_TOKENS)
    speed = tokens / engine.decode(_SHORT, tokens)["seconds"]
    held = sum(parameter.nbytes for parameter in engine.model.parameters())
    limit = setup.copy_rate() / held
    return Row(
        f"{title}: decode, what bandwidth allows", f"{speed:.1f} : {limit:.1f} tokens/s", speed / limit, "", None
    )


def _prefill(setup: Setup, engine: side_engine.Side, generate: side_generate.Side, title: str, tokens: int) -> Row:
    seconds = _taken(setup, engine, generate, lambda side: side.prefill(tokens)["seconds"])
    return _speeds(f"{title}: {tokens} tokens read, generate", seconds, tokens)


def _taken(setup: Setup, engine: Any, generate: Any, measure: Callable[[Any], float]) -> Mapping[str, Sequence[float]]:
    """Interleaved, behind one that is not counted."""
    seconds: dict[str, list[float]] = {"engine": [], "generate": []}
    for _ in range(1 + setup.some(_REPEAT)):
        for name, side in (("engine", engine), ("generate", generate)):
            seconds[name].append(measure(side))
    return {name: values[1:] for name, values in seconds.items()}


def _speeds(title: str, seconds: Mapping[str, Sequence[float]], tokens: int) -> Row:
    ours, theirs = (tokens / median(seconds[name]) for name in ("engine", "generate"))
    return Row(title, f"{ours:,.1f} : {theirs:,.1f} tokens/s", ours / theirs, "", None, {"seconds": seconds})


def _adapters(
    setup: Setup, engine: side_engine.Side, generate: side_generate.Side, title: str, size: str
) -> Sequence[Row]:
    names = [f"adapter-{number}" for number in range(_ADAPTERS)]
    folders = [write_lora(size, setup.scratch / "lora" / name, seed=seed) for seed, name in enumerate(names)]
    for folder, name in zip(folders, names, strict=True):
        engine.attach(str(folder), name)
    generate.attach([str(folder) for folder in folders])
    tokens = setup.some(_ANSWER)
    for _ in range(2):  # the first warms up
        ours = engine.adapters(names, _SHORT, tokens)
        theirs = generate.adapters(_ADAPTERS, _SHORT, tokens)
    raw = {"ours": ours, "theirs": theirs}
    return [
        _seconds(f"{title}: three adapters together : apart", ours["together"], ours["apart"], raw),
        _seconds(f"{title}: three adapters together, generate", ours["together"], theirs["together"], {}),
        _seconds(f"{title}: three adapters apart, generate", ours["apart"], theirs["apart"], {}),
    ]


def _seconds(title: str, ours: float, theirs: float, raw: Mapping[str, Any]) -> Row:
    return Row(title, f"{ours:.2f} : {theirs:.2f} s", theirs / ours, "", None, dict(raw))
