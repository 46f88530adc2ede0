"""The project's own decode path against transformers' `generate` on a separately loaded model, and rows against themselves alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.generation import Piece, PromptScored, TokenLogprob
from kullm_tui.engine.sampling import Sampling
from tests.engine.conftest import OpenBatch
from tests.engine.replies import Client, Reply, prompt_of, replies_to, wants
from tests.engine.server import wait_until
from tests.tiny_models import FAMILIES, save_lora, save_model

LENGTHS = (5, 40, 17, 1, 29)  # some beyond the sliding windows of 16
EVERYTHING = 10**9


def generate(folder: Path, prompt: list[int], *, tokens: int = 24, **options: object) -> list[int]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([prompt])
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=tokens,
        eos_token_id=None,
        pad_token_id=0,
        **options,
    )
    said: list[int] = output[0, len(prompt) :].tolist()
    return said


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_different_lengths_say_what_generate_says(
    family: str, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    prompts = [prompt_of(length, seed=length) for length in LENGTHS]
    replies = replies_to(open_batch(checkpoint(family)), [wants(prompt) for prompt in prompts])
    expected = [generate(checkpoint(family), prompt) for prompt in prompts]
    assert [reply.tokens for reply in replies] == expected
    assert len({tuple(tokens) for tokens in expected}) == len(LENGTHS), (
        "a model that always says the same proves nothing"
    )


@pytest.mark.parametrize(
    "options",
    [{"repetition_penalty": 1.4}, {"no_repeat_ngram_size": 2}, {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3}],
)
def test_penalties_are_those_of_generate(
    options: dict[str, Any], checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    prompt = prompt_of(20) * 2
    (reply,) = replies_to(open_batch(checkpoint("llama")), [wants(prompt, sampling=Sampling(**options))])
    assert reply.tokens == generate(checkpoint("llama"), prompt, **options)


@pytest.mark.parametrize("family", ["gpt_neox", "gemma3_text", "bloom", "falcon-rw", "gpt_neo"])
def test_a_row_that_joins_a_running_batch_changes_nobody(
    family: str, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint(family))
    first = Client(wants(prompt_of(30), tokens=60))
    batch.submit(first.generation)
    early: list[int] = []
    while len(early) < 10:
        event = first.next_event()
        assert isinstance(event, Piece)
        early += [one.token for one in event.logprobs]
    late = [wants(prompt_of(length, seed=length), tokens=20) for length in (3, 50)]
    late_replies = replies_to(batch, late)
    assert early + first.reply().tokens == generate(checkpoint(family), prompt_of(30), tokens=60)
    assert [reply.tokens for reply in late_replies] == [
        generate(checkpoint(family), list(one.prompt), tokens=20) for one in late
    ]


def test_a_long_prompt_is_prefilled_in_pieces_without_changing_the_reply(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    prompt = prompt_of(450)
    for family in ("gpt_neox", "gemma2", "bloom", "falcon-rw", "mpt", "gpt_neo"):
        (reply,) = replies_to(open_batch(checkpoint(family)), [wants(prompt, tokens=8)])
        assert reply.tokens == generate(checkpoint(family), prompt, tokens=8)


@pytest.mark.parametrize("family", ["gpt_neox", "llama", "gemma2"])
def test_a_turn_that_extends_the_last_one_reuses_its_keys_and_says_the_same(
    family: str, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint(family), prefix_bytes=EVERYTHING)
    prompt = prompt_of(60)
    (first,) = replies_to(batch, [wants(prompt)])
    longer = [*prompt, *first.tokens, *prompt_of(7, seed=5)]
    (second,) = replies_to(batch, [wants(longer)])
    assert second.finished
    assert second.finished.timings.cached_tokens == len(prompt) + len(first.tokens) - 1
    assert second.tokens == generate(checkpoint(family), longer)


def test_rows_with_the_same_prompt_prefill_it_once(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    prompt = prompt_of(100)
    requests = [wants(prompt, tokens=30, sampling=Sampling(temperature=1.0, seed=seed)) for seed in (1, 2, 1)]
    one, two, again = replies_to(open_batch(checkpoint("gpt_neox")), requests)
    assert one.tokens == again.tokens != two.tokens
    assert one.finished
    assert two.finished
    assert (one.finished.timings.cached_tokens, two.finished.timings.cached_tokens) == (0, 99)


def test_a_seed_says_the_same_alone_and_in_a_crowd(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    batch = open_batch(checkpoint("llama"))
    seeded = wants(prompt_of(12), sampling=Sampling(temperature=0.9, top_p=0.9, top_k=50, seed=7))
    (alone,) = replies_to(batch, [seeded])
    crowd = replies_to(batch, [wants(prompt_of(9, seed=3)), seeded, wants(prompt_of(30, seed=4))])
    assert crowd[1].tokens == alone.tokens


def test_adapters_one_after_another_and_side_by_side_equal_each_alone(
    tmp_path: Path, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    base = checkpoint("gpt_neox")
    adapters = {name: save_lora(tmp_path / name, base, seed=seed) for seed, name in enumerate(("a", "b"), start=1)}
    batch = open_batch(base, adapters=adapters, prefix_bytes=EVERYTHING)
    prompt = prompt_of(40)

    def ask(*names: str | None) -> list[list[int]]:
        return [reply.tokens for reply in replies_to(batch, [wants(prompt, adapter=name) for name in names])]

    alone = {name: _peft_says(base, adapters.get(name or ""), prompt) for name in ("a", "b", None)}
    assert len({tuple(tokens) for tokens in alone.values()}) == 3
    assert [ask("a"), ask("b"), ask("a")] == [[alone["a"]], [alone["b"]], [alone["a"]]]
    assert ask("a", None, "b", "a") == [alone["a"], alone[None], alone["b"], alone["a"]]


def _peft_says(base: Path, adapter: Path | None, prompt: list[int]) -> list[int]:
    if adapter is None:
        return generate(base, prompt)
    from peft import AutoPeftModelForCausalLM

    ids = torch.tensor([prompt])
    model = AutoPeftModelForCausalLM.from_pretrained(adapter)
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=24,
        eos_token_id=None,
        pad_token_id=0,
    )
    said: list[int] = output[0, len(prompt) :].tolist()
    return said


def prompt_scores(reply: Reply) -> list[TokenLogprob]:
    """All but the first token's, which has none."""
    (scored,) = [event for event in reply.events if isinstance(event, PromptScored)]
    assert scored.logprobs[0] is None
    return [one for one in scored.logprobs if one is not None]


def test_prompt_scores_are_the_models_own(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    prompt = prompt_of(300)
    (reply,) = replies_to(open_batch(checkpoint("llama")), [wants(prompt, tokens=0, score_prompt=True, top_logprobs=2)])
    model = AutoModelForCausalLM.from_pretrained(checkpoint("llama"), dtype=torch.float32)
    with torch.no_grad():
        logprobs = model(torch.tensor([prompt])).logits[0].log_softmax(-1)
    scored = prompt_scores(reply)
    assert len(scored) == len(prompt) - 1
    for one, token, reference in zip(scored, prompt[1:], logprobs, strict=False):
        assert one.token == token
        assert one.logprob == pytest.approx(float(reference[token]), abs=1e-4)
        assert one.top[0][1] == pytest.approx(float(reference.max()), abs=1e-4)


def test_eos_ends_a_reply_and_is_not_shown(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    prompt = prompt_of(10)
    expected = generate(checkpoint("llama"), prompt)
    end = next(token for place, token in enumerate(expected) if place >= 3 and token not in expected[:place])
    (reply,) = replies_to(open_batch(checkpoint("llama")), [wants(prompt, eos=frozenset({end}))])
    assert reply.tokens == expected[: expected.index(end)]
    assert reply.finished
    assert reply.finished.reason == "stop"
    assert reply.finished.completion_tokens == expected.index(end) + 1


def test_a_cancelled_reply_leaves_the_batch_within_a_token(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint("gpt_neox"), rows=1)
    endless, waiting = Client(wants(prompt_of(5), tokens=400)), Client(wants(prompt_of(6), tokens=3))
    batch.submit(endless.generation)
    endless.next_event()
    batch.submit(waiting.generation)
    endless.generation.cancelled.set()
    assert len(waiting.reply().tokens) == 3
    assert len(endless.arrived().tokens) < 390


def test_waiting_replies_join_in_the_order_they_came(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    batch = open_batch(checkpoint("gpt_neox"), rows=2)
    replies = replies_to(batch, [wants(prompt_of(5, seed=seed), tokens=10) for seed in range(8)])
    waits = [reply.finished.timings.queue_ms for reply in replies if reply.finished]
    assert waits == sorted(waits)


def test_rows_wait_while_the_room_for_keys_is_taken(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    batch = open_batch(checkpoint("gpt_neox"), kv_tokens=60)
    first, second = replies_to(batch, [wants(prompt_of(20), tokens=20), wants(prompt_of(21), tokens=20)])
    assert first.finished
    assert second.finished
    assert second.finished.timings.queue_ms >= first.finished.timings.decode_ms


def test_a_short_row_beside_a_long_one_takes_only_what_it_holds(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint("gpt_neox"))
    clients = [Client(wants(prompt_of(length), tokens=100)) for length in (400, 5, 5, 5, 5, 5, 5, 5)]
    for client in clients:
        batch.submit(client.generation)
    for client in clients:
        client.next_event()
    held = sum(len(client.generation.request.prompt) + 100 for client in clients) * 1024
    assert 0 < batch.bytes_held <= held
    for client in clients:
        client.reply()
    assert wait_until(lambda: batch.bytes_held == 0)


@pytest.mark.parametrize("precision", ["bf16", "4bit"])
def test_low_precision_logits_match_transformers_under_teacher_forcing(
    precision: str, tmp_path: Path, open_batch: OpenBatch
) -> None:
    folder = save_model(tmp_path / "model", "gpt_neox", dtype=torch.bfloat16)
    prompt = prompt_of(100)
    (reply,) = replies_to(
        open_batch(folder, precision=precision), [wants(prompt, tokens=0, score_prompt=True, top_logprobs=0)]
    )
    logprobs = _reference_logprobs(folder, precision, prompt)
    scored = prompt_scores(reply)
    mine = torch.tensor([one.logprob for one in scored])
    theirs = logprobs[torch.arange(len(prompt) - 1), torch.tensor(prompt[1:])]
    assert (mine - theirs).abs().max() < 0.15
    assert (mine - theirs).abs().mean() < 0.03


@pytest.mark.parametrize("precision", ["fp32", "bf16", "4bit"])
def test_a_reply_asked_for_alone_is_the_same_to_the_bit_whatever_came_before_and_whoever_else_asks(
    precision: str, tmp_path: Path, open_batch: OpenBatch
) -> None:
    folder = save_model(tmp_path / "model", "gpt_neox", dtype=torch.bfloat16)
    beginning = prompt_of(30)
    asked = [wants([*beginning, *prompt_of(20, seed=place)], alone=True, top_logprobs=3) for place in range(4)]
    first = [replies_to(open_batch(folder, precision=precision), [one])[0] for one in asked]

    batch = open_batch(folder, precision=precision, prefix_bytes=EVERYTHING)
    chats = [Client(wants(prompt_of(9 * place + 5, seed=50 + place), tokens=200)) for place in range(4)]
    for chat in chats[:2]:
        batch.submit(chat.generation)
    crowd = [Client(one) for one in [*asked, *reversed(asked)]]
    for place, one in enumerate(crowd):
        batch.submit(one.generation)
        if place in (1, 3):
            batch.submit(chats[2 + place // 2].generation)
    again = [one.reply() for one in crowd]
    assert [one.logprobs for one in again] == [one.logprobs for one in [*first, *reversed(first)]]
    assert all(len(chat.reply().tokens) == 200 for chat in chats)
    assert all(one.finished and one.finished.timings.cached_tokens == 0 for one in again)


def _reference_logprobs(folder: Path, precision: str, prompt: list[int]) -> torch.Tensor:
    from transformers import BitsAndBytesConfig

    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    options = {"quantization_config": quantised} if precision == "4bit" else {}
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, **options).eval()
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([prompt])).logits[0]
    return logits.float().log_softmax(-1)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.7, seed=1), Sampling(repetition_penalty=1.2)])
def test_an_adapter_that_computes_no_numbers_ends_its_own_replies_alone(
    sampling: Sampling, tmp_path: Path, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    broken = save_lora(tmp_path / "broken", checkpoint("gpt_neox"))
    weights = load_file(broken / "adapter_model.safetensors")
    save_file({name: weight * float("nan") for name, weight in weights.items()}, broken / "adapter_model.safetensors")
    batch = open_batch(checkpoint("gpt_neox"), adapters={"broken": broken}, prefix_bytes=EVERYTHING)
    honest = Client(wants(prompt_of(30), tokens=60))
    batch.submit(honest.generation)
    honest.next_event()
    hurt = Client(wants(prompt_of(40), adapter="broken", sampling=sampling))
    batch.submit(hurt.generation)

    with pytest.raises(KullmError, match="NaN"):
        hurt.reply()

    again = Client(wants(prompt_of(40), adapter="broken", sampling=sampling))
    batch.submit(again.generation)
    with pytest.raises(KullmError, match="NaN"):
        again.reply()
    assert honest.reply().finished
    (after,) = replies_to(batch, [wants(prompt_of(30), tokens=60)])
    assert after.tokens == generate(checkpoint("gpt_neox"), prompt_of(30), tokens=60)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45])
def test_a_tiny_temperature_takes_the_likeliest(
    temperature: float, checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    prompt = prompt_of(20)
    (reply,) = replies_to(open_batch(checkpoint("llama")), [wants(prompt, sampling=Sampling(temperature=temperature))])
    assert reply.tokens == generate(checkpoint("llama"), prompt)


def test_a_reply_that_may_say_nothing_more_is_told_so(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    """Every token once, and none twice."""
    batch = open_batch(checkpoint("llama"))
    strict = Client(wants(prompt_of(1), tokens=480, sampling=Sampling(no_repeat_ngram_size=1, temperature=1.0, seed=3)))
    batch.submit(strict.generation)
    with pytest.raises(KullmError, match="토큰"):
        strict.reply()
    (reply,) = replies_to(batch, [wants(prompt_of(20))])
    assert reply.finished
