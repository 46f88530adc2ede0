"""Our own causal attention against torch's: its values, its gradients, and how far bf16 is from fp32 in each."""

import pytest
import torch
from torch.nn import functional

from trainer.model.causal import causal_attention

SCALE = 0.2


def rows(tokens: int) -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(tokens)
    return [torch.randn(3, tokens, 16, generator=chance) for _ in range(4)]


def ours(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return causal_attention(query, key, value, SCALE)


def torchs(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return functional.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True, scale=SCALE)[0]


def results(attention: object, tokens: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """The output, and the gradients of query, key and value."""
    *inputs, slope = (one.to(dtype).requires_grad_() for one in rows(tokens))
    out = attention(*inputs)  # type: ignore[operator]
    return [one.detach().float() for one in (out, *torch.autograd.grad(out, inputs, slope.detach()))]


@pytest.mark.parametrize("tokens", [1, 7, 256, 257, 600])
def test_values_and_gradients_are_torchs(tokens: int) -> None:
    torch.testing.assert_close(results(ours, tokens, torch.float32), results(torchs, tokens, torch.float32))


@pytest.mark.parametrize("tokens", [40, 300])
def test_in_bf16_it_is_as_near_to_fp32_as_torchs(tokens: int) -> None:
    exact = results(torchs, tokens, torch.float32)
    for own, usual, truth in zip(
        results(ours, tokens, torch.bfloat16), results(torchs, tokens, torch.bfloat16), exact, strict=True
    ):
        assert (own - truth).norm() <= 1.5 * (usual - truth).norm()


def test_a_later_token_changes_nothing_before_it() -> None:
    query, key, value, _ = rows(300)
    before = ours(query, key, value)[:, :299]
    key[:, 299], value[:, 299] = 9.0, 9.0
    torch.testing.assert_close(ours(query, key, value)[:, :299], before, rtol=0, atol=0)
