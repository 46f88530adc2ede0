"""The first import of this package brings bitsandbytes and transformers in with our precautions, before anything does so without."""

from kullm_tui.weights import bnb, transformers_front

__all__ = ["bnb", "transformers_front"]
