"""AdamW as torch has it. Its methods come wrapped in a word to torch's compiler, which brings that in at the first step: a second of processor, for
a compiler that is never asked for anything here. They are taken without the wrapping, where this torch has it."""

from typing import Any

import torch


def _bare(method: Any) -> Any:
    return getattr(method, "__wrapped__", method)


class AdamW(torch.optim.AdamW):
    add_param_group = _bare(torch.optim.AdamW.add_param_group)
    zero_grad = _bare(torch.optim.AdamW.zero_grad)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        _STEP(self)


_STEP = _bare(torch.optim.AdamW.step)
