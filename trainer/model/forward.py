"""One micro-batch through the model: the loss of its labelled places, summed or each. Called within `attending`.

The body runs once over all tokens; only hidden states of labelled places reach the head (`loss`). Whether the architecture packs
exactly, and whether its logits are its head's alone, is tried on a few tokens before the run begins.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from trainer.dataset.batch import Example, MicroBatch, packed, padded
from trainer.loss import each_loss, summed_loss
from trainer.model.attention import packed_attention, packs_exactly
from trainer.model.base import Trainable

_PROBE_TOKENS = 8


@dataclass(frozen=True)
class Forward:
    trainable: Trainable
    packs: bool
    softcap: float | None

    def attending(self) -> AbstractContextManager[None]:
        """Around forward and backward alike: a layer that is computed again must attend as it did."""
        return packed_attention(self.trainable.model) if self.packs else nullcontext()

    def batch(self, examples: Sequence[Example]) -> MicroBatch:
        return packed(examples) if self.packs else padded(examples)

    def __call__(self, batch: MicroBatch) -> torch.Tensor:
        """The loss summed over the micro-batch's labels."""
        with self.trainable.computing():
            labelled, targets = self._labelled(batch.to(self.trainable.device))
            return summed_loss(labelled, targets, self.trainable.head, self.softcap)

    def log_probabilities(self, batch: MicroBatch) -> torch.Tensor:
        """Of each document's labels together, given what stands before them."""
        with self.trainable.computing():
            labelled, targets = self._labelled(batch.to(self.trainable.device))
            losses = each_loss(labelled, targets, self.trainable.head, self.softcap)
        return -torch.stack([part.sum() for part in losses.split(list(batch.labels))])  # type: ignore[no-untyped-call]

    def _labelled(self, batch: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self._hidden(batch)
        return hidden.reshape(-1, hidden.shape[-1])[batch.labelled], batch.targets

    def _hidden(self, batch: MicroBatch) -> torch.Tensor:
        body = self.trainable.body
        if not batch.lengths:
            return body(input_ids=batch.ids, use_cache=False).last_hidden_state  # type: ignore[no-any-return]
        return body(  # type: ignore[no-any-return]
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False, document_lengths=batch.lengths
        ).last_hidden_state


def forward_of(trainable: Trainable, packing: bool) -> Forward:
    """`packs` is false where documents in one row would disturb each other, or where nobody wants packing."""
    model = trainable.model
    softcap = getattr(model.config.get_text_config(), "final_logit_softcapping", None)
    with trainable.evaluating(), trainable.computing():
        _require_own_head(trainable, softcap)
        packs = packing and packs_exactly(model, trainable.body, trainable.device)
    return Forward(trainable, packs, softcap)


@torch.no_grad()
def _require_own_head(trainable: Trainable, softcap: float | None) -> None:
    """Some architectures scale or mix their logits behind the head; a loss taken at the head would train another model."""
    ids = torch.arange(_PROBE_TOKENS, device=trainable.device)[None]
    expected = trainable.model(input_ids=ids, use_cache=False).logits.float()
    logits = trainable.head(trainable.body(input_ids=ids, use_cache=False).last_hidden_state).float()
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    if not (logits - expected).norm() <= 1e-2 * expected.norm():
        kind = trainable.model.config.model_type
        raise ConfigError(
            say(
                f"{kind} 구조는 출력층 뒤에서 값을 더 바꾸므로 학습할 수 없어요. 다른 베이스 모델을 고르세요.",
                f"{kind} models change their logits behind the head, so they cannot be trained here. Choose another base.",
            )
        )
