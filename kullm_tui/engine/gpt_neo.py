"""GPT-Neo's local attention in a mixed batch. Imported for that family alone."""

import torch
from transformers import PreTrainedModel
from transformers.models.gpt_neo.modeling_gpt_neo import GPTNeoSelfAttention

from kullm_tui.engine.attention import lengths_of_rows


def attend_alone(model: PreTrainedModel) -> None:
    for module in model.modules():
        if type(module) is GPTNeoSelfAttention and module.attention_type == "local":
            module.__class__ = _LocalAttention


class _LocalAttention(GPTNeoSelfAttention):  # type: ignore[misc]
    """GPT-Neo's own measures the window from the end of the longest row; in a mixed batch each row attends alone, to what it holds."""

    def _attn(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        attend, ends = super()._attn, lengths_of_rows()
        if ends is None or ends.amin() == key.shape[2]:
            whole: tuple[torch.Tensor, torch.Tensor] = attend(query, key, value, attention_mask)
            return whole
        rows = zip(query[:, None], key[:, None], value[:, None], ends.tolist(), strict=True)
        return torch.cat([attend(q, k[:, :, :end], v[:, :, :end])[0] for q, k, v, end in rows]), None
