"""The chunked loss against plain cross-entropy over full logits."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.trainer.examples import Row
from trainer.dataset.batch import packed, padded
from trainer.estimate.memory import PIECE_BYTES
from trainer.loss import each_loss, summed_loss


@pytest.fixture(params=[10, 64 * 2**20], ids=["one place at a time", "all at once"])
def piece_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PIECE_BYTES, "cpu", request.param)


@pytest.mark.usefixtures("piece_bytes")
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_value_and_every_gradient_are_those_of_plain_cross_entropy(softcap: float | None) -> None:
    torch.manual_seed(0)
    head = nn.Linear(16, 50)
    hidden, targets = torch.randn(13, 16, requires_grad=True), torch.randint(0, 50, (13,))
    logits = head(hidden)
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    functional.cross_entropy(logits, targets, reduction="sum").backward()
    expected = [hidden.grad, head.weight.grad, head.bias.grad]
    hidden.grad = head.weight.grad = head.bias.grad = None
    ours = summed_loss(hidden, targets, head, softcap)
    (2 * ours).backward()
    torch.testing.assert_close(ours, functional.cross_entropy(logits, targets, reduction="sum"))
    for kept, gradient in zip(expected, [hidden.grad, head.weight.grad, head.bias.grad], strict=True):
        assert kept is not None
        torch.testing.assert_close(gradient, 2 * kept)


def test_a_frozen_head_gets_no_gradient() -> None:
    head = nn.Linear(8, 20, bias=False).requires_grad_(False)
    hidden = torch.randn(3, 8, requires_grad=True)
    summed_loss(hidden, torch.tensor([1, 2, 3]), head).backward()
    assert head.weight.grad is None
    assert hidden.grad is not None


def test_no_labels_cost_nothing() -> None:
    head = nn.Linear(8, 20)
    hidden = torch.randn(0, 8, requires_grad=True)
    loss = summed_loss(hidden, torch.empty(0, dtype=torch.long), head)
    loss.backward()
    assert loss.item() == 0


def test_packed_labels_stop_at_each_document() -> None:
    first, second = Row((5, 6, 0), (False, True, True)), Row((7, 8, 9), (True, True, False))
    batch = packed([first, second])
    assert batch.ids.tolist() == [[5, 6, 0, 7, 8, 9]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 2]]
    assert batch.labelled.tolist() == [0, 1, 3]  # never 2, which would predict the next document's first token
    assert batch.targets.tolist() == [6, 0, 8]
    assert (batch.lengths, batch.tokens) == ((3, 3), 6)


def test_padded_labels_come_from_marks_not_from_token_values() -> None:
    short, long = Row((5, 0), (False, True)), Row((0, 6, 0, 0), (False, True, False, True))
    batch = padded([short, long])
    assert batch.ids.tolist() == [[5, 0, 0, 0], [0, 6, 0, 0]]
    assert batch.labelled.tolist() == [0, 4, 6]
    assert batch.targets.tolist() == [0, 6, 0]
    assert batch.tokens == 6


def test_arrays_of_narrow_numbers_are_read_too() -> None:
    row = Row(np.array([60000, 1], dtype=np.uint16), np.array([0, 1], dtype=np.uint8))  # type: ignore[arg-type]
    assert packed([row]).ids.tolist() == [[60000, 1]]
    assert packed([row]).targets.tolist() == [1]


@pytest.mark.usefixtures("piece_bytes")
@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("trained", [True, False], ids=["a head that is trained", "a frozen head"])
def test_each_loss_and_its_gradients_are_those_of_plain_cross_entropy(softcap: float | None, trained: bool) -> None:
    torch.manual_seed(0)
    head = nn.Linear(16, 50).requires_grad_(trained)
    hidden, targets = torch.randn(13, 16, requires_grad=True), torch.randint(0, 50, (13,))
    weights = torch.randn(13)
    logits = head(hidden)
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    plain = functional.cross_entropy(logits, targets, reduction="none")
    (plain * weights).sum().backward()
    expected = [hidden.grad, head.weight.grad, head.bias.grad]
    hidden.grad = head.weight.grad = head.bias.grad = None
    ours = each_loss(hidden, targets, head, softcap)
    (ours * weights).sum().backward()
    torch.testing.assert_close(ours, plain)
    for wanted, found in zip(expected, [hidden.grad, head.weight.grad, head.bias.grad], strict=True):
        assert (wanted is None) == (found is None)
        if wanted is not None:
            torch.testing.assert_close(found, wanted)
