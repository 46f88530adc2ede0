"""Random weights of the exact shapes of Polyglot-Ko, as a bf16 checkpoint: sizes and speeds are real, answers are not.

    python bench/weights.py 5.8b FOLDER        tiny, 1.3b, 5.8b or 12.8b; about 4 bytes of disk for every two parameters

Memory stays near the size of the largest tensor. The tokenizer has Polyglot's 30,003 entries, most of them made up.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPTNeoXConfig, PreTrainedTokenizerFast

# layers, width, heads, part of a head that is rotated
SHAPES = {
    "tiny": (2, 256, 4, 0.25),  # nobody's: to try a bench out
    "1.3b": (24, 2048, 16, 0.5),
    "5.8b": (28, 4096, 16, 0.25),
    "12.8b": (40, 5120, 40, 0.5),
}
ROWS, KNOWN_TOKENS = 30080, 30003
_SHARD_BYTES = 2_000_000_000
_DICE = 1 << 24


def write_checkpoint(size: str, folder: Path, *, seed: int = 0) -> Path:
    """The folder, as `from_pretrained` and the engine read it."""
    folder.mkdir(parents=True, exist_ok=True)
    _config(size).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    shards: list[dict[str, torch.Tensor]] = []
    weight_map: dict[str, str] = {}
    shard: dict[str, torch.Tensor] = {}
    for name, tensor in _tensors(size, seed):
        shard[name] = tensor
        if sum(held.nbytes for held in shard.values()) > _SHARD_BYTES:
            shards.append({})
            _save(folder, len(shards), shard, weight_map)
            shard = {}
    shards.append({})
    _save(folder, len(shards), shard, weight_map)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_lora(size: str, folder: Path, *, seed: int, rank: int = 16) -> Path:
    """A LoRA adapter over the queries, keys and values, as peft saves it."""
    layers, width, _, _ = SHAPES[size]
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in range(layers):
        name = f"base_model.model.gpt_neox.layers.{layer}.attention.query_key_value.lora"
        tensors[f"{name}_A.weight"] = torch.randn(rank, width, generator=generator) / width**0.5
        tensors[f"{name}_B.weight"] = torch.randn(3 * width, rank, generator=generator) * 0.02
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    options = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": ["query_key_value"],
        "base_model_name_or_path": size,
    }
    (folder / "adapter_config.json").write_text(json.dumps(options))
    return folder


def _save(folder: Path, number: int, shard: dict[str, torch.Tensor], weight_map: dict[str, str]) -> None:
    file = f"model-{number:05d}.safetensors"
    save_file(shard, folder / file, metadata={"format": "pt"})
    weight_map.update(dict.fromkeys(shard, file))


def _config(size: str) -> GPTNeoXConfig:
    layers, width, heads, rotary = SHAPES[size]
    return GPTNeoXConfig(
        vocab_size=ROWS,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        rotary_pct=rotary,
        max_position_embeddings=2048,
        eos_token_id=2,
        bos_token_id=0,
        pad_token_id=2,
        tie_word_embeddings=False,
        use_parallel_residual=True,
        architectures=["GPTNeoXForCausalLM"],
        dtype="bfloat16",
    )


def _tensors(size: str, seed: int) -> Iterator[tuple[str, torch.Tensor]]:
    layers, width, _, _ = SHAPES[size]
    generator = torch.Generator().manual_seed(seed)
    dice = torch.empty(_DICE, dtype=torch.bfloat16).normal_(0, 0.02, generator=generator)

    def random(*shape: int) -> torch.Tensor:
        """A stretch of the dice from a place of its own, repeated to the size."""
        count = torch.Size(shape).numel()
        start = int(torch.randint(_DICE, (1,), generator=generator))
        turned = torch.cat([dice[start:], dice[:start]])
        return turned.repeat(-(-count // _DICE))[:count].reshape(shape).contiguous()

    yield "gpt_neox.embed_in.weight", random(ROWS, width)
    for layer in range(layers):
        name = f"gpt_neox.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{name}{norm}.weight", torch.ones(width, dtype=torch.bfloat16)
            yield f"{name}{norm}.bias", torch.zeros(width, dtype=torch.bfloat16)
        for part, rows, columns in (
            ("attention.query_key_value", 3 * width, width),
            ("attention.dense", width, width),
            ("mlp.dense_h_to_4h", 4 * width, width),
            ("mlp.dense_4h_to_h", width, 4 * width),
        ):
            yield f"{name}{part}.weight", random(rows, columns)
            yield f"{name}{part}.bias", torch.zeros(rows, dtype=torch.bfloat16)
    yield "gpt_neox.final_layer_norm.weight", torch.ones(width, dtype=torch.bfloat16)
    yield "gpt_neox.final_layer_norm.bias", torch.zeros(width, dtype=torch.bfloat16)
    yield "embed_out.weight", random(ROWS, width)


def _tokenizer() -> PreTrainedTokenizerFast:
    specials = ["<|unused0|>", "<|unused1|>", "<|endoftext|>", "<|sep|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merged = [alphabet[0] + alphabet[1]]  # llama.cpp's file cannot say that there are no merges
    known = specials + alphabet + merged
    words = known + [f"말{number}" for number in range(KNOWN_TOKENS - len(known))]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [(alphabet[0], alphabet[1])]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in specials])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=sorted(SHAPES))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    print(write_checkpoint(arguments.size, arguments.folder))
