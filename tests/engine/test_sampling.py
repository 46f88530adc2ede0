"""Each choice against transformers' own processors, on random logits."""

from typing import Any

import pytest
import torch
from transformers import LogitsProcessorList
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from kullm_tui.engine.sampling import Sampler, Sampling

CPU = torch.device("cpu")


def logits_of(seed: int) -> torch.Tensor:
    return torch.randn(384, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.mark.parametrize("options", [{"top_k": 5}, {"top_p": 0.5}, {"top_k": 40, "top_p": 0.75}, {"top_p": 0.01}])
def test_sampling_draws_from_the_distribution_of_transformers(options: dict[str, Any]) -> None:
    warpers = [TemperatureLogitsWarper(0.7)]
    if "top_k" in options:
        warpers.append(TopKLogitsWarper(options["top_k"]))
    if "top_p" in options:
        warpers.append(TopPLogitsWarper(options["top_p"]))
    for seed in range(20):
        expected = LogitsProcessorList(warpers)(torch.zeros(1, 0, dtype=torch.long), logits_of(seed)[None].clone())[0]
        allowed = set(expected.isfinite().nonzero().flatten().tolist())
        draws = {
            Sampler(Sampling(temperature=0.7, seed=s, **options), [], device=CPU).pick(logits_of(seed))
            for s in range(200)
        }
        assert draws <= allowed
        assert len(allowed) > 3 or draws == allowed


def test_presence_and_frequency_penalties_count_what_was_said() -> None:
    sampler = Sampler(Sampling(presence_penalty=2.0, frequency_penalty=1.0), [5], device=CPU)
    logits = torch.zeros(10)
    logits[3], logits[4] = 4.5, 1.0
    assert sampler.pick(logits) == 3
    sampler.said(3)
    assert sampler.pick(logits) == 3  # 4.5 - 3 > 1
    sampler.said(3)
    assert sampler.pick(logits) == 4  # 4.5 - 4 < 1


def test_a_bias_forces_or_bans_a_token() -> None:
    logits = torch.arange(10.0)
    assert Sampler(Sampling(logit_bias={2: 100.0}), [], device=CPU).pick(logits) == 2
    assert Sampler(Sampling(logit_bias={9: -100.0}), [], device=CPU).pick(logits) == 8


def test_the_same_seed_draws_the_same_numbers_and_no_seed_draws_others() -> None:
    def draws(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.5, seed=seed), [], device=CPU)
        return [sampler.pick(logits_of(step)) for step in range(20)]

    assert draws(3) == draws(3)
    assert draws(3) != draws(4)
    assert draws(None) != draws(None)
