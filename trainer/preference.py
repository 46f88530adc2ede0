"""Direct preference optimisation (Rafailov et al. 2023, eq. 7), with the likelihood of chosen replies beside it.

    m = (log π(c) − log π₀(c)) − (log π(r) − log π₀(r))       c, r: the chosen and the rejected reply to a prompt; π₀: the weights at the start
    loss = −(1 − ε) log σ(β m) − ε log σ(−β m)                ε: the share of pairs that may be the wrong way round
           + w · the mean loss of the tokens of chosen replies, and of rows without a rejected one

`sigmoid_norm` takes each reply's log-probability by its number of tokens, so that no reply wins by its length. A batch's pairs count the
same, and so do its chosen tokens, however it is divided over micro-batches and ranks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from trainer.model.forward import Forward
from trainer.objective import Measured
from trainer.recipe import PreferenceLoss

_LIKELIHOOD = ("sft_loss", "sft_tokens")


@dataclass(frozen=True)
class Document:
    ids: Any
    trained: Any

    @property
    def labels(self) -> int:
        return int(sum(self.trained[1:]))


@dataclass(frozen=True)
class ComparedExample:
    """A pair, or a row without a rejected reply. `reference`: of each of its documents, the reply's log-probability at the start."""

    ids: Any
    trained: Any
    rejected_at: int
    reference: tuple[float, ...] = ()

    @property
    def is_pair(self) -> bool:
        return self.rejected_at > 0

    @property
    def documents(self) -> tuple[Document, ...]:
        """The chosen reply's, and the rejected one's."""
        at = self.rejected_at
        if not at:
            return (Document(self.ids, self.trained),)
        return Document(self.ids[:at], self.trained[:at]), Document(self.ids[at:], self.trained[at:])


@dataclass(frozen=True)
class Preference:
    """`token_weight`: of a chosen token's loss beside a pair's, in the batch that this is for."""

    how: PreferenceLoss
    token_weight: float = 0.0

    names = (
        "pairs",
        "margin",
        "accuracy",
        "chosen_logp",
        "rejected_logp",
        "chosen_gain",
        "rejected_gain",
        "chosen_length",
        "rejected_length",
        *_LIKELIHOOD,
    )

    def over(self, batch: Iterable[Any], /) -> "Preference":
        if not self.how.sft_weight:
            return self
        examples = list(batch)
        pairs = sum(example.is_pair for example in examples)
        tokens = sum(example.documents[0].labels for example in examples)
        return replace(self, token_weight=self.how.sft_weight * max(1, pairs) / max(1, tokens))

    def measured(self, forward: Forward, examples: Sequence[Any], /) -> Measured:
        examples = sorted(examples, key=lambda example: not example.is_pair)  # pairs first
        pairs = sum(example.is_pair for example in examples)
        batch = forward.batch([document for example in examples for document in example.documents])
        found = forward.log_probabilities(batch)
        lengths = torch.tensor(batch.labels, dtype=found.dtype, device=found.device)
        said, alone = found[: 2 * pairs].view(-1, 2), found[2 * pairs :]
        gains = said - self._reference(examples[:pairs], said)
        sizes = lengths[: 2 * pairs].view(-1, 2)
        margins = self.how.beta * torch.sub(*(gains / sizes if self.how.loss == "sigmoid_norm" else gains).unbind(1))
        likelihood = -(said[:, 0].sum() + alone.sum())
        loss = self._of_pairs(margins).sum()
        if self.token_weight:
            loss = loss + self.token_weight * likelihood
        columns = (margins[:, None], margins[:, None] > 0, said, gains, sizes)
        sums = torch.cat([column.detach().double().sum(0) for column in columns])
        tokens = sizes[:, 0].sum() + lengths[2 * pairs :].sum()
        beside = torch.stack((likelihood.detach(), tokens)).double()
        return Measured(loss, pairs, batch.tokens, torch.cat((sums.new_tensor([pairs]), sums, beside)))

    def report(self, sums: Sequence[float], /) -> Mapping[str, float]:
        pairs, *summed = sums[: -len(_LIKELIHOOD)]
        loss, tokens = sums[-len(_LIKELIHOOD) :]
        names = self.names[1 : -len(_LIKELIHOOD)]
        told = {name: round(one / pairs, 6) for name, one in zip(names, summed, strict=True)} if pairs else {}
        return told | ({"sft_loss": loss / tokens} if self.how.sft_weight and tokens else {})

    def _of_pairs(self, margins: torch.Tensor) -> torch.Tensor:
        wrong = self.how.label_smoothing
        loss = -(1 - wrong) * functional.logsigmoid(margins)
        return loss - wrong * functional.logsigmoid(-margins) if wrong else loss

    @staticmethod
    def _reference(pairs: Sequence[ComparedExample], like: torch.Tensor) -> torch.Tensor:
        numbers: Iterator[tuple[float, ...]] = (pair.reference for pair in pairs)
        return torch.tensor(list(numbers), dtype=like.dtype, device=like.device).view(-1, 2)
