"""What the model answers while it is trained: greedy replies to the recipe's prompts, asked as the engine will ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig

from kullm_tui.core.profile_form import OWN_TEMPLATE
from kullm_tui.core.prompting import Prompting
from kullm_tui.core.records import Message
from kullm_tui.core.templates.tokens import encode, load_tokenizer
from trainer.base import Trainable, base_of
from trainer.recipe import Recipe
from trainer.recipe_rules import OF_THE_PROFILE, OF_THE_TOKENIZER

_MOST_TOKENS = 128


@dataclass(frozen=True)
class Speech:
    """How the model is spoken to: `template` by the name that a profile gives it."""

    tokenizer: Tokenizer
    prompting: Prompting
    template: str

    def prompt(self, question: str) -> tuple[int, ...]:
        rendered = self.prompting.prompt((Message("user", question),), self.template)
        return encode(rendered, self.tokenizer, bos=self.prompting.bos_before(self.template)).ids


def speech_of(recipe: Recipe) -> Speech:
    ref, folder = base_of(recipe)
    tokenizer = load_tokenizer(folder)
    named = {OF_THE_PROFILE: ref.profile.template, OF_THE_TOKENIZER: OWN_TEMPLATE}
    template = named.get(recipe.model.template, recipe.model.template)
    return Speech(tokenizer, Prompting(folder, ref.profile, tokenizer), template)


def sample_replies(trainable: Trainable, speech: Speech, questions: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each question; `ended`: the model came to its end token by itself."""
    eos = sorted(speech.prompting.special.eos)
    rows = []
    for question in questions:
        ids = greedy(trainable, speech.prompt(question), eos)
        ended = bool(ids) and ids[-1] in eos
        text = speech.tokenizer.decode(ids[:-1] if ended else ids)
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
