"""The first import of this package brings bitsandbytes in, before transformers does so without our precautions (see bnb)."""

from kullm_tui.weights import bnb

__all__ = ["bnb"]
