"""A GPT-NeoX checkpoint as llama.cpp reads it, quantised to Q4_K_M: the peer of `bench/engine.py`, on the same weights.

    python bench/llama_file.py CHECKPOINT FILE.gguf        run with the Python that has llama-cpp-python and gguf (extra `peers`)

Memory stays near the size of the largest tensor. The unquantised file beside it is deleted at the end.
"""

import argparse
import ctypes
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import numpy as np

_NAMES = {
    "gpt_neox.embed_in": "token_embd",
    "gpt_neox.final_layer_norm": "output_norm",
    "embed_out": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "attention.query_key_value": "attn_qkv",
    "attention.dense": "attn_output",
    "mlp.dense_h_to_4h": "ffn_up",
    "mlp.dense_4h_to_h": "ffn_down",
}


def write_q4(checkpoint: Path, file: Path) -> Path:
    wide = file.with_suffix(".f16.gguf")
    _write_f16(checkpoint, wide)
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    failed = llama_cpp.llama_model_quantize(str(wide).encode(), str(file).encode(), ctypes.byref(settings))
    wide.unlink()
    if failed:
        raise SystemExit("llama.cpp did not quantise the file")
    return file


def _write_f16(checkpoint: Path, file: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    writer = gguf.GGUFWriter(file, "gptneox")
    _write_facts(writer, config, checkpoint)
    shapes = [(name, shape) for name, shape, _ in _tensors(checkpoint, config, load=False)]
    for name, shape in shapes:
        dtype = np.dtype(np.float16 if len(shape) == 2 else np.float32)
        writer.add_tensor_info(name, shape, dtype, int(np.prod(shape)) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, shape, tensor in _tensors(checkpoint, config, load=True):
        writer.write_tensor_data(tensor.astype(np.float16 if len(shape) == 2 else np.float32))
    writer.close()


def _write_facts(writer: Any, config: dict[str, Any], checkpoint: Path) -> None:
    rope = config.get("rope_parameters") or config
    share = rope.get("partial_rotary_factor", rope.get("rotary_pct", 1.0))
    head = config["hidden_size"] // config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(int(share * head))
    writer.add_head_count(config["num_attention_heads"])
    writer.add_parallel_residual(config["use_parallel_residual"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    vocabulary = json.loads((checkpoint / "tokenizer.json").read_text())["model"]["vocab"]
    tokens = [f"<spare {number}>" for number in range(config["vocab_size"])]
    for token, number in vocabulary.items():
        tokens[number] = token
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(config["eos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])


def _tensors(checkpoint: Path, config: dict[str, Any], *, load: bool) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    for file in sorted(checkpoint.glob("*.safetensors")):
        header_bytes = int.from_bytes(file.open("rb").read(8), "little")
        header = json.loads(file.open("rb").read(8 + header_bytes)[8:])
        mapped = np.memmap(file, mode="r", offset=8 + header_bytes)
        for key, entry in header.items():
            if key == "__metadata__":
                continue
            first, last = entry["data_offsets"]
            shape, tensor = tuple(entry["shape"]), None
            if load:
                # bf16 is the upper half of fp32
                wide = mapped[first:last].view(np.uint16).astype(np.uint32) << 16
                tensor = wide.view(np.float32).reshape(shape)
                if "query_key_value" in key:
                    tensor = _by_part(tensor, config["num_attention_heads"])
            yield _name(key), shape, tensor


def _by_part(tensor: Any, heads: int) -> Any:
    """GPT-NeoX keeps query, key and value head by head; llama.cpp wants all queries first."""
    rest = tensor.shape[1:]
    return tensor.reshape(heads, 3, -1, *rest).swapaxes(0, 1).reshape(-1, *rest)


def _name(key: str) -> str:
    stem, kind = key.rsplit(".", 1)
    if stem in _NAMES:
        return f"{_NAMES[stem]}.{kind}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{_NAMES[part]}.{kind}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    print(write_q4(arguments.checkpoint, arguments.file))
