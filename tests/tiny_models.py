"""Tiny checkpoints of every family that the engine runs, made on the spot from a seed: real files, small numbers."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerFast

# Names are transformers' own; a word after a dash is a form of the family that computes otherwise.
FAMILIES = (
    *("gpt_neox", "llama", "gpt2", "bloom", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "mistral"),
    *("falcon", "falcon-40b", "falcon-rw", "mpt", "opt", "opt-350m", "gpt_neo", "gptj", "codegen", "stablelm"),
)

END_OF_TEXT = "<|endoftext|>"
_SPECIALS = [END_OF_TEXT, "<pad>", "</s>"]
_TEXT = [
    "대한민국의 수도는 서울입니다. 한강을 끼고 있으며 인구가 많은 도시입니다.",
    "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.",
    "### 명령어: 안녕하세요 ### 입력: ### 응답: 반갑습니다. 무엇을 도와드릴까요?",
    "파이썬으로 정렬 알고리즘을 작성해 주세요. def sort(values): return sorted(values)",
    "여행 계획을 세울 때는 예산과 날짜를 먼저 정하는 것이 좋습니다. 🙂 ABC 123",
]


@dataclass(frozen=True)
class Shape:
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 512


@cache
def korean_tokenizer() -> Tokenizer:
    """A byte-level BPE like Polyglot's: 256 bytes, a few merges, so that syllables are split over tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=_SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    return tokenizer


def save_tokenizer(folder: Path) -> None:
    PreTrainedTokenizerFast(
        tokenizer_object=korean_tokenizer(), eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    ).save_pretrained(folder)


def _config(name: str, shape: Shape) -> Any:
    family = name.partition("-")[0]
    return AutoConfig.for_model(family, **_ids(family), **_size(family, shape), **_form(name, shape))


def _ids(family: str) -> dict[str, Any]:
    begin = 0 if family in ("gpt2", "bloom") else None
    return {"vocab_size": 384, "bos_token_id": begin, "eos_token_id": 0, "pad_token_id": 0}


def _size(family: str, shape: Shape) -> dict[str, Any]:
    hidden, layers, heads, context = shape.hidden, shape.layers, shape.heads, shape.context
    if family in ("gpt2", "gptj", "codegen"):
        return {"n_embd": hidden, "n_layer": layers, "n_head": heads, "n_positions": context}
    if family == "mpt":
        return {"d_model": hidden, "n_layers": layers, "n_heads": heads, "max_seq_len": context}
    if family == "bloom":
        return {"hidden_size": hidden, "n_layer": layers, "n_head": heads}
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": context,
    }


def _form(name: str, shape: Shape) -> dict[str, Any]:
    """What makes the family itself: every way of computing that a checkpoint of it may use."""
    head, wide = shape.hidden // shape.heads, 2 * shape.hidden
    grouped = {"intermediate_size": wide, "num_key_value_heads": shape.heads // 2}
    short = {"sliding_window": 16}  # so that tests cross its edge
    untied = {"tie_word_embeddings": False}  # tied, a random model only repeats its last token
    gemma = {**grouped, **untied, "head_dim": head}
    kinds = ["sliding_attention", "full_attention"] * (shape.layers // 2)
    forms: dict[str, dict[str, Any]] = {
        "gpt_neox": {**untied, "intermediate_size": wide, "rotary_pct": 0.25},
        "qwen3": {**grouped, "head_dim": head},
        "gemma": gemma,
        "gemma2": {**gemma, **short, "query_pre_attn_scalar": head},
        "gemma3_text": {**gemma, **short, "query_pre_attn_scalar": head, "layer_types": kinds},
        "mistral": {**grouped, **short},
        "falcon": {**untied, "multi_query": True, "parallel_attn": True},
        "falcon-40b": {**untied, "new_decoder_architecture": True, "num_kv_heads": shape.heads // 2},
        "falcon-rw": {**untied, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
        "opt": {**untied, "ffn_dim": wide, "word_embed_proj_dim": shape.hidden},
        "opt-350m": {"ffn_dim": wide, "word_embed_proj_dim": wide, "do_layer_norm_before": False},
        "gpt_neo": {"attention_types": [[["local", "global"], shape.layers // 2]], "window_size": 16},
        "gptj": {"rotary_dim": head // 2},
        "codegen": {"rotary_dim": head // 2},
        "stablelm": {**grouped, "qk_layernorm": True, "use_parallel_residual": True},
    }
    plain = {} if name in ("gpt2", "bloom", "mpt") else grouped
    return forms.get(name, plain)


def build_model(
    family: str, *, seed: int = 0, shape: Shape | None = None, dtype: torch.dtype = torch.float32
) -> PreTrainedModel:
    """A randomly initialised model whose outputs vary from token to token."""
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(_config(family, shape or Shape()))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.15 if "embed" not in name else 0.6)
    return model.to(dtype).eval()


def save_model(
    folder: Path,
    family: str = "gpt_neox",
    *,
    seed: int = 0,
    shape: Shape | None = None,
    dtype: torch.dtype = torch.float32,
    shard_bytes: int | None = None,
    pickled: bool = False,
) -> Path:
    """A checkpoint folder with a tokenizer: safetensors, several shards, or the pickle of older repositories."""
    model = build_model(family, seed=seed, shape=shape, dtype=dtype)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, max_shard_size=shard_bytes or 10**10)
    if pickled:
        _repickle(folder)
    save_tokenizer(folder)
    return folder


def in_four_bits(arithmetic: torch.dtype) -> dict[str, Any]:
    """How transformers is asked for the 4 bits that we make."""
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=arithmetic,
    )
    return {"dtype": arithmetic, "quantization_config": settings}


def _repickle(folder: Path) -> None:
    from safetensors.torch import load_file

    index = folder / "model.safetensors.index.json"
    if index.exists():
        mapping = json.loads(index.read_text())
        mapping["weight_map"] = {key: _bin_name(name) for key, name in mapping["weight_map"].items()}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(mapping))
        index.unlink()
    for file in sorted(folder.glob("model*.safetensors")):
        torch.save(load_file(file), folder / _bin_name(file.name))
        file.unlink()


def _bin_name(safetensors_name: str) -> str:
    return safetensors_name.replace("model", "pytorch_model", 1).replace(".safetensors", ".bin")


def save_lora(folder: Path, base: Path, *, seed: int = 1, rank: int = 4, strength: float = 0.5) -> Path:
    """A LoRA adapter over a checkpoint, with weights big enough to change what the model says."""
    from peft import LoraConfig, get_peft_model

    model = AutoModelForCausalLM.from_pretrained(base)
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules=_lora_targets(model.config.model_type), task_type="CAUSAL_LM"
    )
    adapted = get_peft_model(model, config)
    _randomise(adapted, "lora_B", seed, strength)
    adapted.save_pretrained(folder)
    return folder


def save_ia3(folder: Path, base: Path, *, seed: int = 1) -> Path:
    from peft import IA3Config, get_peft_model

    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, IA3Config(task_type="CAUSAL_LM"))
    _randomise(adapted, "ia3_l", seed, 1.0)
    adapted.save_pretrained(folder)
    return folder


def _lora_targets(model_type: str) -> list[str]:
    fused = ("query_key_value", ("gpt_neox", "bloom", "falcon")), ("c_attn", ("gpt2",)), ("Wqkv", ("mpt",))
    named = next((target for target, families in (*fused, ("qkv_proj", ("codegen",))) if model_type in families), "")
    return [named] if named else ["q_proj", "v_proj"]


def _randomise(model: torch.nn.Module, part: str, seed: int, strength: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if part in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * strength)
