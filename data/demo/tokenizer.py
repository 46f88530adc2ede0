"""The demo model's own tokenizer and configuration: Polyglot's kind at a thousandth of its size.

A byte-level BPE learned from the corpus, with Polyglot's special tokens at Polyglot's numbers. Every digit is a token of its
own, and the space before a number too, so that 48 looks the same wherever it stands.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from data.demo.corpus import TEMPLATES, records
from kullm_tui.core.files import publish
from kullm_tui.core.records import read_record
from kullm_tui.core.templates.registry import template_named

END_OF_TEXT = "<|endoftext|>"
SPECIALS = ("<|unused0|>", "<|unused1|>", END_OF_TEXT, "<|sep|>")
END_ID = SPECIALS.index(END_OF_TEXT)
VOCABULARY = (
    4096  # a multiple of 64, and every width of the configuration too: NF4 blocks and packed rows come out even
)
CONTEXT = 1024
_RARE = 3  # pairs seen less often are not merged
_MODE = 0o644


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Exactly VOCABULARY entries, given enough text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=_RARE,
        special_tokens=[AddedToken(token, special=True) for token in SPECIALS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def corpus_texts() -> Iterator[str]:
    """What the model will read: every corpus, the adapters' in their templates."""
    for name, template in (("base", "plain"), *TEMPLATES.items()):
        form = template_named(template)
        for row in records(name):
            yield form.render(read_record(row).messages, eos_token="").text


def write_model_folder(folder: Path, texts: Iterable[str]) -> None:
    """config.json and the files of a tokenizer learned from the texts: a model to be trained from scratch."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(texts)
    publish(folder / "tokenizer.json", tokenizer.to_str(pretty=False), mode=_MODE)
    for name, facts in (("tokenizer_config.json", _TOKENIZER), ("config.json", _CONFIG)):
        publish(folder / name, json.dumps(facts, ensure_ascii=False, indent=2) + "\n", mode=_MODE)


_TOKENIZER: dict[str, Any] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "eos_token": END_OF_TEXT,
    "pad_token": END_OF_TEXT,
    "model_max_length": CONTEXT,
    "clean_up_tokenization_spaces": False,
}
_CONFIG: dict[str, Any] = {
    "architectures": ["GPTNeoXForCausalLM"],
    "model_type": "gpt_neox",
    "vocab_size": VOCABULARY,
    "hidden_size": 256,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "hidden_act": "gelu",
    "max_position_embeddings": CONTEXT,
    "rotary_pct": 0.25,
    "rotary_emb_base": 10000,
    "layer_norm_eps": 1e-05,
    "initializer_range": 0.02,
    "use_parallel_residual": True,
    "tie_word_embeddings": True,  # at this size a third of the weights, and words are copied sooner
    "bos_token_id": None,
    "eos_token_id": END_ID,
    "pad_token_id": END_ID,
    "attention_bias": True,
    "dtype": "bfloat16",
}
