"""bare transformers with bitsandbytes: `generate` on the same NF4 weights, and a first load as transformers does it."""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from side import serve  # noqa: E402


class Side:
    def load(self, folder: str, form: str, device: str = "cpu") -> dict[str, float]:
        """`form`: "bnb" for bitsandbytes' own layers, "bf16" for none."""
        import torch

        from kullm_tui.weights.loading import load_in_form, load_model

        quiet: dict[str, Any] = {"progress": lambda _: None, "cancelled": lambda: False}
        where, started = torch.device(device), time.perf_counter()
        if form == "bnb":
            self.model = load_in_form(Path(folder), "4bit", "bnb", where, **quiet).model
        else:
            self.model = load_model(Path(folder), precision="bf16", device=where, **quiet).model
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
        """The time between the first token and the last, of one reply: two that are subtracted differ by more than that."""
        self._timed(context, tokens + 1)
        return {"seconds": self._moments[-1] - self._moments[0]}

    def prefill(self, tokens: int) -> dict[str, float]:
        return {"seconds": self._timed(tokens, 1)}

    def _noted(self, ids: Any, _scores: Any, **_: Any) -> Any:
        """Called after every token."""
        import torch

        self._moments.append(time.perf_counter())
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    def attach(self, folders: list[str]) -> None:
        """peft's own layers around the model, an adapter each, named by their numbers."""
        import peft

        for number, folder in enumerate(folders):
            if number:
                self.model.load_adapter(folder, adapter_name=str(number))
            else:
                self.model = peft.PeftModel.from_pretrained(self.model, folder, adapter_name="0")

    def adapters(self, count: int, context: int, tokens: int) -> dict[str, float]:
        """One question to every adapter in one batch, and one after another."""
        names = [str(number) for number in range(count)]
        together = self._timed(context, tokens, adapters=names)
        apart = 0.0
        for name in names:
            self.model.set_adapter(name)
            apart += self._timed(context, tokens)
        return {"together": together, "apart": apart}

    def _timed(self, context: int, tokens: int, adapters: list[str] | None = None) -> float:
        import torch

        prompt = torch.tensor([[10 + number % 20000 for number in range(context)]] * len(adapters or [""]))
        prompt = prompt.to(self.model.device)
        self._moments: list[float] = []
        started = time.perf_counter()
        with torch.inference_mode():
            said = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=2,
                pad_token_id=2,
                stopping_criteria=[self._noted],
                **({"adapter_names": adapters} if adapters else {}),
            )
            said.cpu()  # a device is waited for
        return time.perf_counter() - started


if __name__ == "__main__":
    serve(Side())
