"""llama.cpp through llama-cpp-python: flash attention tried with and without, all cores."""

import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from side import serve  # noqa: E402


class Side:
    def load(self, file: str, flash: bool) -> dict[str, Any]:
        import llama_cpp

        cores = len(os.sched_getaffinity(0))
        started = time.perf_counter()
        self.model = llama_cpp.Llama(
            file, n_ctx=2048, n_batch=512, n_threads=cores, n_threads_batch=cores, flash_attn=flash, verbose=False
        )
        return {"seconds": time.perf_counter() - started, "version": llama_cpp.__version__}

    def decode(self, context: int, tokens: int) -> dict[str, float]:
        self._fill(context)
        started = time.perf_counter()
        for number in range(tokens):
            self.model.eval([100 + number])
        return {"seconds": time.perf_counter() - started}

    def prefill(self, tokens: int) -> dict[str, float]:
        started = time.perf_counter()
        self._fill(tokens)
        return {"seconds": time.perf_counter() - started}

    def _fill(self, tokens: int) -> None:
        self.model.reset()
        self.model.eval([10 + number % 20000 for number in range(tokens)])


if __name__ == "__main__":
    serve(Side())
