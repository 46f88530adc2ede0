"""A tiny Llama in llama.cpp's file format, with random weights and a vocabulary of bytes. Run with the Python that has `gguf`:

python tests/gguf_model.py tiny.gguf
"""

import sys

import gguf
import numpy as np

HIDDEN, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 512
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def write(path: str) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types([UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, tensor in _tensors().items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors() -> dict[str, "np.ndarray"]:
    dice = np.random.default_rng(0)

    def random(*shape: int) -> "np.ndarray":
        return dice.normal(0, 0.15, shape).astype(np.float32)

    tensors = {
        "token_embd.weight": random(len(TOKENS), HIDDEN),
        "output_norm.weight": np.ones(HIDDEN, np.float32),
        "output.weight": random(len(TOKENS), HIDDEN),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        tensors |= {f"{block}attn_{part}.weight": random(HIDDEN, HIDDEN) for part in ("q", "k", "v", "output")}
        tensors |= {f"{block}ffn_{part}.weight": random(FEED_FORWARD, HIDDEN) for part in ("gate", "up")}
        tensors[f"{block}ffn_down.weight"] = random(HIDDEN, FEED_FORWARD)
        tensors |= {f"{block}{part}_norm.weight": np.ones(HIDDEN, np.float32) for part in ("attn", "ffn")}
    return tensors


if __name__ == "__main__":
    write(sys.argv[1])
