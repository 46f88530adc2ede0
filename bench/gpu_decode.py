"""The engine's replies beside those of transformers on the same device, on tiny models.

fp32               rows of several lengths in one batch, and rows with different adapters: the very tokens of `generate`
bf16, 8bit, 4bit   rounding differs with the shape of a batch, so each token that we chose is looked up in transformers' own logits:
                   how far it lies below the best, in standard deviations of the logits
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from gpu_setup import Setup
from report import Row
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tests.engine.replies import batch_over, prompt_of, replies_to, wants
from tests.tiny_models import in_four_bits, save_lora, save_model

_FAMILIES = ("gpt_neox", "llama", "gemma2", "bloom")
_LENGTHS = (5, 40, 17, 1, 29)  # some beyond the sliding windows of 16
_TOKENS = 24
_BELOW = 0.1  # in standard deviations of the logits
_ROUNDED: Mapping[str, Mapping[str, Any]] = {
    "bf16": {"dtype": torch.bfloat16},
    "8bit": {"dtype": torch.bfloat16, "quantization_config": BitsAndBytesConfig(load_in_8bit=True)},
    "4bit": in_four_bits(torch.bfloat16),
}


def decode(setup: Setup) -> Iterator[Sequence[Row]]:
    families = _FAMILIES[:1] if setup.dry else _FAMILIES
    bases = {family: save_model(setup.scratch / "tiny" / family, family) for family in families}
    for family, base in bases.items():
        yield [_same_tokens(setup, family, base)]
    yield [_same_adapters(setup, bases["gpt_neox"])]
    for precision in _ROUNDED:
        yield [_near(setup, precision, bases["gpt_neox"])]


def _same_tokens(setup: Setup, family: str, base: Path) -> Row:
    prompts = [prompt_of(length, seed=length) for length in _LENGTHS]
    found = _replies(setup, base, [(prompt, None) for prompt in prompts])
    model = _theirs(setup, base, dtype=torch.float32)
    return _equal(f"{family} fp32: tokens of generate", found, [_generated(model, prompt) for prompt in prompts])


def _same_adapters(setup: Setup, base: Path) -> Row:
    """Two adapters and the base alone, side by side."""
    folders = {name: save_lora(setup.scratch / "tiny" / name, base, seed=seed) for seed, name in enumerate("ab", 1)}
    prompt = prompt_of(20)
    found = _replies(setup, base, [(prompt, name) for name in ("a", None, "b")], folders)
    tuned = peft.PeftModel.from_pretrained(_theirs(setup, base, dtype=torch.float32), folders["a"], adapter_name="a")
    tuned.load_adapter(folders["b"], adapter_name="b")
    expected = []
    for name in ("a", None, "b"):
        if name is None:
            with tuned.disable_adapter():
                expected.append(_generated(tuned, prompt))
        else:
            tuned.set_adapter(name)
            expected.append(_generated(tuned, prompt))
    return _equal("two adapters and the base in one batch, fp32", found, expected)


def _near(setup: Setup, precision: str, base: Path) -> Row:
    prompts = [prompt_of(length, seed=length) for length in _LENGTHS]
    found = _replies(setup, base, [(prompt, None) for prompt in prompts], precision=precision)
    model = _theirs(setup, base, **_ROUNDED[precision])
    below, best = 0.0, 0
    for prompt, said in zip(prompts, found, strict=True):
        ids = torch.tensor([[*prompt, *said]], device=setup.device)
        with torch.inference_mode():
            logits = model(ids).logits[0, len(prompt) - 1 : -1].float()
        chosen = logits.gather(1, ids[0, len(prompt) :, None])[:, 0]
        gaps = (logits.amax(1) - chosen) / logits.std()
        below, best = max(below, float(gaps.max())), best + int((gaps == 0).sum())
    told = f"{best} of {len(prompts) * _TOKENS} the best there, at most {below:.4f} σ below"
    return Row(
        f"gpt_neox {precision}: our tokens in transformers' logits", told, None, f"≤ {_BELOW} σ", below <= _BELOW
    )


def _replies(
    setup: Setup,
    base: Path,
    asked: Sequence[tuple[list[int], str | None]],
    adapters: Mapping[str, Path] | None = None,
    precision: Any = "fp32",
) -> list[list[int]]:
    batch = batch_over(base, precision=precision, adapters=adapters, device=setup.device)
    try:
        requests = [wants(prompt, tokens=_TOKENS, adapter=adapter) for prompt, adapter in asked]
        return [reply.tokens for reply in replies_to(batch, requests)]
    finally:
        batch.close()


def _theirs(setup: Setup, base: Path, **options: Any) -> Any:
    where = {"device_map": {"": str(setup.device)}} if setup.device.type == "cuda" else {}
    return AutoModelForCausalLM.from_pretrained(base, **options, **where).eval()


def _generated(model: Any, prompt: list[int]) -> list[int]:
    ids = torch.tensor([prompt], device=model.device)
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
    )
    said: list[int] = output[0, len(prompt) :].tolist()
    return said


def _equal(title: str, found: list[list[int]], expected: list[list[int]]) -> Row:
    pairs = [pair for ours, theirs in zip(found, expected, strict=True) for pair in zip(ours, theirs, strict=True)]
    same = sum(ours == theirs for ours, theirs in pairs)
    raw = {} if found == expected else {"ours": found, "theirs": expected}
    return Row(title, f"{same} of {len(pairs)}", None, "all", found == expected, raw)
