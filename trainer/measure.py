"""`python -P -m trainer.measure WIDTH`: how fast this computer's processor multiplies and moves numbers.

A child of the plan, since it needs torch: one line of JSON on stdout, a few seconds. The plan keeps what it said.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import torch

_ROWS = 1024  # tokens: enough that the product, not the call, takes the time
_SECONDS = 0.4
_MOVED = 64 * 2**20  # bytes: far more than any cache holds


def main() -> int:
    width = int(sys.argv[1])
    print(
        json.dumps(
            {
                "flops": {"fp32": _flops(width, torch.float32), "bf16": _flops(width, torch.bfloat16)},
                "bandwidth": _bandwidth(),
                "threads": torch.get_num_threads(),
            }
        )
    )
    return 0


def _flops(width: int, dtype: torch.dtype) -> float:
    """Of the product that fills a block: rows × width by width × 4·width."""
    left, right = torch.randn(_ROWS, width, dtype=dtype), torch.randn(4 * width, width, dtype=dtype)
    return 2 * _ROWS * width * 4 * width / _fastest(lambda: torch.nn.functional.linear(left, right))


def _bandwidth() -> float:
    """Bytes read and written a second by an element-wise step."""
    numbers = torch.randn(_MOVED // 4)
    return 2 * _MOVED / _fastest(lambda: torch.add(numbers, 1.0))


def _fastest(step: Callable[[], object]) -> float:
    """Seconds of the fastest run: what disturbs only makes it slower."""
    step()
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < _SECONDS:
        before = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - before)
    return best


if __name__ == "__main__":
    sys.exit(main())
