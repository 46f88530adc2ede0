"""What the model answers while it is trained: greedy replies to the recipe's prompts, asked as the engine will ask."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from kullm_tui.core.records import Message
from kullm_tui.core.templates.tokens import encode
from trainer.dataset.labels import Labelling
from trainer.model.base import Trainable

_MOST_TOKENS = 128


def sample_replies(trainable: Trainable, how: Labelling, questions: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each question; `ended`: the model came to its end token by itself."""
    eos = sorted({how.eos, *how.prompting.special.eos})
    rows = []
    for question in questions:
        prompt = how.prompting.prompt((Message("user", question),), how.template)
        ids = greedy(trainable, encode(prompt, how.tokenizer, bos=how.bos).ids, eos)
        ended = bool(ids) and ids[-1] in eos
        text = how.tokenizer.decode(ids[:-1] if ended else ids)
        rows.append({"prompt": question, "reply": text, "tokens": len(ids), "ended": ended})
    return rows


@torch.no_grad()
def greedy(trainable: Trainable, prompt: Sequence[int], eos: Sequence[int], *, most: int = _MOST_TOKENS) -> list[int]:
    """The reply's tokens, with the end token where the model came to one. End tokens are said outright: configurations err."""
    model = trainable.model
    ids = torch.tensor([list(prompt)], device=trainable.device)
    plain = GenerationConfig(
        do_sample=False, max_new_tokens=most, eos_token_id=list(eos), pad_token_id=eos[0], use_cache=True
    )
    with trainable.evaluating(), trainable.computing():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=plain)
    reply: list[int] = out[0, len(prompt) :].tolist()
    return reply
