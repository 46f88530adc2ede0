"""The process in which bench/gpu.py measures: one section after the other, its rows handed over as they are found."""

import gc
import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parent), str(_HERE)]  # not the other way: this folder has a trainer too
from kullm_tui.core.processor import hold  # noqa: E402

hold()  # before torch, which looks at the processor when it is imported

from report import Row  # noqa: E402
from side import serve  # noqa: E402

if TYPE_CHECKING:
    from gpu_setup import Setup

logger = logging.getLogger(__name__)


class Side:
    def __init__(self) -> None:
        self._rows: Iterator[Sequence[Row]] = iter(())

    def device(self) -> str:
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    def begin(self, measure: str, arguments: dict[str, str], dry: bool, scratch: str) -> None:
        self._rows = _measured(measure, arguments, dry, Path(scratch))

    def next(self) -> dict[str, Any]:
        """The next rows; nothing where there are no more; or what went wrong."""
        try:
            rows = next(self._rows, None)
        except Exception as error:  # whatever a section does, the others are measured
            logger.exception("a section failed")
            return {"why": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        if rows is None:
            _tidy()
            return {}
        return {"rows": [asdict(row) for row in rows]}


def _measured(measure: str, arguments: dict[str, str], dry: bool, scratch: Path) -> Iterator[Sequence[Row]]:
    """Imports come with the first rows, so that what is missing is that section's fault alone."""
    from gpu_setup import Setup
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    setup = Setup.here(scratch, dry=dry)
    yield from _section(measure, setup, **arguments)


def _section(measure: str, setup: "Setup", **arguments: Any) -> Iterator[Sequence[Row]]:
    if measure == "machine":
        from gpu_machine import machine

        return machine(setup)
    from kullm_tui.weights import bnb  # noqa: F401 - before peft: it must not look for code on the Hub

    match measure:
        case "decode":
            from gpu_decode import decode

            return decode(setup)
        case "step":
            from gpu_step import step

            return step(setup)
        case "chat":
            from gpu_chat import chat

            return chat(setup, **arguments)
        case "sft":
            from gpu_sft import sft

            return sft(setup, **arguments)
    raise ValueError(measure)


def _tidy() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    serve(Side())
