"""One random GPT-NeoX of about 40 million parameters with Polyglot's vocabulary: what trainings are measured on."""

from pathlib import Path

VOCABULARY, WIDTH, LAYERS, HEADS = 30080, 384, 10, 6


def save_model(folder: Path) -> Path:
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from tests.tiny_models import save_tokenizer

    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        rotary_pct=0.25,
        max_position_embeddings=2048,
        eos_token_id=2,
        bos_token_id=None,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    GPTNeoXForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    save_tokenizer(folder)
    return folder
