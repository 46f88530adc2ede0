"""Documents in one row come out as each one does alone, whatever the architecture."""

from pathlib import Path

import pytest
import torch

from tests.tiny_models import build_model
from tests.trainer.examples import a_recipe, made_up_rows, tiny_base
from trainer.model.attention import packed_attention, packs_exactly
from trainer.model.base import trainable_model
from trainer.model.forward import forward_of
from trainer.model.recompute import recompute

CPU = torch.device("cpu")


@pytest.mark.parametrize("family", ["gpt_neox", "llama", "qwen2", "qwen3", "mistral", "gemma"])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_a_packed_row_is_exact(family: str, dtype: torch.dtype, near: float) -> None:
    model = build_model(family).to(dtype)
    lengths = (30, 3, 21)  # one longer than Mistral's window of 16
    ids = torch.randint(3, 384, (1, sum(lengths)), generator=torch.Generator().manual_seed(1))
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    with torch.no_grad(), packed_attention(model):
        together = model(input_ids=ids, position_ids=positions, use_cache=False, document_lengths=lengths).logits
    with torch.no_grad():
        alone = torch.cat([model(input_ids=part).logits for part in ids.split(lengths, dim=1)], dim=1)
    assert (together - alone).norm() <= near * alone.norm()


def test_attention_across_documents_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe can fail: with one long document in place of three, a row is contaminated."""
    from trainer.model import attention

    model = build_model("gpt_neox")
    assert packs_exactly(model, model.base_model, CPU)
    slices = attention._slices
    monkeypatch.setattr(attention, "_slices", lambda q, k, v, lengths, *more: slices(q, k, v, (sum(lengths),), *more))
    assert not packs_exactly(model, model.base_model, CPU)


def test_the_kernel_over_all_documents_is_asked_as_torch_2_11_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arguments of then, the arithmetic of a processor: later ones know grouped queries too."""
    from torch.nn.attention import varlen

    from trainer.model import attention

    def of_2_11(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        cu_seq_q: torch.Tensor,
        cu_seq_k: torch.Tensor,
        max_q: int,
        max_k: int,
        *,
        return_aux: None = None,
        scale: float | None = None,
        window_size: tuple[int, int] = (-1, -1),
    ) -> torch.Tensor:
        assert (window_size, max_q, max_k, return_aux) == ((-1, 0), 30, 30, None)
        assert torch.equal(cu_seq_q, cu_seq_k)
        lengths = cu_seq_q.diff().tolist()
        rows = (whole.transpose(0, 1)[None] for whole in (query, key, value))
        attended: torch.Tensor = attention._slices(*rows, lengths, scale, 0.0, None)[0]
        return attended

    monkeypatch.setattr(varlen, "varlen_attn", of_2_11)
    query, key, value = torch.randn(3, 1, 4, 54, 16, generator=torch.Generator().manual_seed(1))
    found = attention._varlen(query, key, value, (30, 3, 21), 0.3)
    assert torch.equal(found, attention._slices(query, key, value, (30, 3, 21), 0.3, 0.0, None))


@pytest.mark.parametrize("family", ["bloom", "gemma2"])
def test_an_architecture_that_cannot_pack_is_padded(family: str, tmp_path: Path) -> None:
    """Bloom's attention knows no registry, Gemma 2 caps its attention scores."""
    recipe = a_recipe(tiny_base(tmp_path / "base", family))
    forward = forward_of(trainable_model(recipe, CPU), packing=True)
    assert not forward.packs
    assert forward.batch(made_up_rows(3).rows).lengths == ()


def test_a_row_of_one_architecture_attends_as_usual_again_afterwards() -> None:
    model = build_model("gpt_neox")
    with packed_attention(model):
        assert model.config._attn_implementation == "kullm_packed"
    assert model.config._attn_implementation == "sdpa"


def test_layers_that_compute_again_give_the_same_gradients(tmp_path: Path) -> None:
    recipe = a_recipe(tiny_base(tmp_path / "base"))
    rows = made_up_rows(6)
    gradients = []
    for share, layers in ((0.0, 0), (0.5, 1), (1.0, 2)):
        trainable = trainable_model(recipe, CPU)
        forward = forward_of(trainable, packing=True)
        assert recompute(trainable.model, share) == layers
        with forward.attending():
            forward(forward.batch(rows.rows)).backward()
        gradients.append([parameter.grad for parameter in trainable.parameters.values()])
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0])
