"""bare transformers with bitsandbytes: `generate` on the same NF4 weights, and a first load as transformers does it."""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from side import serve  # noqa: E402


class Side:
    def load(self, folder: str, form: str) -> dict[str, float]:
        """`form`: "bnb" for bitsandbytes' own layers, "bf16" for none."""
        import torch

        from kullm_tui.weights.loading import load_in_form, load_model

        quiet: dict[str, Any] = {"progress": lambda _: None, "cancelled": lambda: False}
        device, started = torch.device("cpu"), time.perf_counter()
        if form == "bnb":
            self.model = load_in_form(Path(folder), "4bit", "bnb", device, **quiet).model
        else:
            self.model = load_model(Path(folder), precision="bf16", device=device, **quiet).model
        return {"seconds": time.perf_counter() - started}

    def quantising_load(self, folder: str) -> dict[str, float]:
        """What a notebook does."""
        import torch
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        settings = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        started = time.perf_counter()
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, quantization_config=settings)
        loaded = time.perf_counter() - started
        self.prefill(8)
        return {"seconds": time.perf_counter() - started, "load_seconds": loaded}

    def decode(self, context: int, tokens: int) -> dict[str, float]:
        """The time between the first token and the last."""
        first = self._timed(context, 1)
        return {"seconds": self._timed(context, tokens + 1) - first}

    def prefill(self, tokens: int) -> dict[str, float]:
        return {"seconds": self._timed(tokens, 1)}

    def _timed(self, context: int, tokens: int) -> float:
        import torch

        prompt = torch.tensor([[10 + number % 20000 for number in range(context)]])
        started = time.perf_counter()
        with torch.inference_mode():
            self.model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=2,
                pad_token_id=2,
            )
        return time.perf_counter() - started


if __name__ == "__main__":
    serve(Side())
