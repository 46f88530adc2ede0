"""AdamW without the compiler's import: the same numbers as torch's own, to the bit, and the import is not there."""

import subprocess
import sys

import torch

from trainer.optimizer import AdamW


def _trained(kind: type[torch.optim.AdamW]) -> tuple[list[torch.Tensor], dict[str, object]]:
    generator = torch.Generator().manual_seed(3)
    matrix, vector = (torch.nn.Parameter(torch.randn(*shape, generator=generator)) for shape in ((6, 5), (5,)))
    groups = [{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}]
    optimizer = kind(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-8, fused=True)
    for step in range(5):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 / (step + 1)
        optimizer.zero_grad(set_to_none=True)
        (matrix @ vector).square().sum().backward()
        optimizer.step()
    return [matrix.detach(), vector.detach()], optimizer.state_dict()


def test_its_steps_are_torchs_own_to_the_bit() -> None:
    (ours, state), (theirs, expected) = _trained(AdamW), _trained(torch.optim.AdamW)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert str(state) == str(expected)


def test_it_does_not_bring_in_the_compiler() -> None:
    code = """
import sys, torch
from trainer.optimizer import AdamW
weight = torch.nn.Parameter(torch.ones(2, 2))
optimizer = AdamW([weight], lr=0.1, fused=True)
weight.sum().backward()
optimizer.step()
optimizer.zero_grad()
print("torch._dynamo" in sys.modules, weight.sum().item() < 4)
"""
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"], ran.stderr
