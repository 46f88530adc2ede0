"""A decode step of GPT-NeoX with nothing between its kernels.

Between the matrix products transformers' forward has wrappers, masks and tensors copied into one another. This step does the same arithmetic in the same order on the model's own modules (adapters
included), for the batch's slots as they lie. Prompts and other architectures go through transformers.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from kullm_tui.engine.kv import SlotCache


def lean_step(model: Any) -> "LeanNeoX | None":
    """The step for this model, or None where transformers' forward has to do."""
    config = model.config
    plain = config.model_type == "gpt_neox" and config.use_parallel_residual and config.hidden_act == "gelu"
    return LeanNeoX(model) if plain else None


class LeanNeoX:
    def __init__(self, model: Any) -> None:
        body = model.gpt_neox
        self._model = model
        self._heads: int = model.config.num_attention_heads
        self._head_size: int = model.config.hidden_size // self._heads
        positions = torch.arange(model.config.max_position_embeddings, device=model.device)[None]
        cosines, sines = body.rotary_emb(body.embed_in.weight[:1], positions)
        self._cosines, self._sines = cosines[0], sines[0]  # [context, rotated part of a head]

    def __call__(self, tokens: torch.Tensor, lengths: Sequence[int], cache: SlotCache) -> torch.Tensor:
        """Logits [B, 1, vocabulary] for one token a row; row r has `lengths[r]` tokens in its slot already."""
        positions = torch.tensor(lengths, device=tokens.device)
        body = self._model.gpt_neox
        x = body.embed_in(tokens)
        turn = self._cosines[positions][:, None, None], self._sines[positions][:, None, None]  # [B, 1, 1, rotated]
        for index, layer in enumerate(body.layers):
            attended = self._attend(layer.attention, _normed(layer.input_layernorm, x), turn, lengths, cache, index)
            widened = layer.mlp.dense_h_to_4h(_normed(layer.post_attention_layernorm, x))
            x = layer.mlp.dense_4h_to_h(torch.nn.functional.gelu(widened)) + attended + x
        logits: torch.Tensor = self._model.lm_head(_normed(body.final_layer_norm, x))
        return logits

    def _attend(
        self,
        attention: Any,
        x: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        lengths: Sequence[int],
        cache: SlotCache,
        index: int,
    ) -> torch.Tensor:
        rows = x.shape[0]
        # [B, 1, heads × (query, key, value)] → [B, heads, 3, head size]
        parts = attention.query_key_value(x).view(rows, self._heads, 3, self._head_size)
        cosines, sines = turn
        rotated = parts[:, :, :2, : cosines.shape[-1]]
        rotated.copy_(rotated * cosines + _half_turned(rotated) * sines)
        query, key, value = (part[:, :, None] for part in parts.unbind(2))  # [B, heads, 1, head size]
        keys, values = cache.update(key, value, index)
        mixed = _attention(query, keys, values, lengths)
        return attention.dense(mixed.reshape(rows, 1, -1))  # type: ignore[no-any-return]


def _attention(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Rows of different lengths one by one: a short row does not pay for the longest one's keys."""
    if len(set(lengths)) == 1:
        return scaled_dot_product_attention(query, keys, values)
    rows = [
        scaled_dot_product_attention(query[row, None], keys[row, None, :, : end + 1], values[row, None, :, : end + 1])
        for row, end in enumerate(lengths)
    ]
    return torch.cat(rows)


def _normed(norm: Any, x: torch.Tensor) -> torch.Tensor:
    return layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def _half_turned(x: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)
