"""The processes of a run under `torchrun`, or the one without it: sums over all of them, and each one's own dice.

Gradients are summed by one all-reduce a step over one flat tensor. The dice are thrown anew at every step from (seed, step, rank),
so that a run that resumes at a step throws what it would have thrown.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

_RANK_STRIDE = 1_000_003  # primes, so that no two (step, rank) share a seed in any run that ends
_STEP_STRIDE = 2_147_483_647


@dataclass(frozen=True)
class Ranks:
    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def sums(self, *values: float) -> tuple[float, ...]:
        """Each value summed over all ranks."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return tuple(total.tolist())

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Every parameter's gradient becomes its sum over all ranks; a rank without one brings zeros."""
        if self.world == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [p.numel() for p in parameters])
        for parameter, gradient, part in zip(parameters, gradients, parts, strict=True):
            parameter.grad = gradient.copy_(part.view_as(gradient))

    def from_first(self, value: int) -> int:
        return int(self.sums(value if self.first else 0)[0])

    def throw_dice(self, seed: int, step: int) -> None:
        torch.manual_seed((seed * _STEP_STRIDE + step * _RANK_STRIDE + self.rank) % 2**63)


@contextmanager
def joined() -> Iterator[Ranks]:
    """This process among those that torchrun started: gloo on CPUs, nccl on CUDA."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = _device(int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Ranks(0, 1, device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, world, device)
    finally:
        dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device
