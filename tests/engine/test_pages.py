"""Memory that comes with the first write to it and goes when it is given back."""

import os
from pathlib import Path

import pytest
import torch

from kullm_tui.engine.kv import SlotCache
from kullm_tui.engine.pages import give_back, untouched_zeros

MEGABYTE = 2**20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_only_what_is_written_takes_memory_and_it_can_be_given_back(dtype: torch.dtype) -> None:
    room = untouched_zeros((8, 16, 1024, 1024), dtype)
    before = resident()
    assert float(room[3, 2, 500].sum()) == 0
    assert resident() - before < 8 * MEGABYTE
    room[3] = 1
    written = resident()
    assert written - before > room[3].nbytes * 0.9
    give_back(room[3])
    assert written - resident() > room[3].nbytes * 0.9
    assert float(room[3, 7, 100].sum()) == 0


def test_a_slot_cache_of_a_long_context_costs_what_its_rows_hold() -> None:
    cache = SlotCache(rows=9, positions=8192)
    told = torch.ones(1, 8, 2000, 64)  # made before: a process that has run long keeps what such a tensor took
    before = resident()
    for slot, tokens in enumerate((2000, 10, 10, 10, 10, 10, 10, 10)):
        cache.look_at_one(slot, start=0, count=tokens)
        for layer in range(4):
            cache.update(told[:, :, :tokens], told[:, :, :tokens], layer)
    one_token = 4 * 8 * 64 * 4 * 2
    assert resident() - before < 1.3 * 2070 * one_token + 16 * MEGABYTE
    held = resident()
    cache.forget(0)
    assert held - resident() > 0.9 * 2000 * one_token
