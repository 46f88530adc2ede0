"""From a forward's logits to the next tokens of its rows."""

from dataclasses import dataclass

import torch

from kullm_tui.engine.row import Row


@dataclass(frozen=True)
class Choice:
    """The next token's logits, float32 [vocabulary]."""

    logits: torch.Tensor
    likeliest: int
    is_number: bool

    def made_by(self, row: Row) -> None:
        row.take(self.logits, self.likeliest if row.greedy and self.is_number else None)


def choices(logits: torch.Tensor) -> list[Choice]:
    """[n, vocabulary] → n, looked at together."""
    logits = logits.float()
    highest, likeliest = logits.max(-1)
    facts = zip(logits, likeliest.tolist(), highest.isfinite().tolist(), strict=True)
    return [Choice(*fact) for fact in facts]
