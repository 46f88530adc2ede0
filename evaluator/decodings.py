"""How all the systems of a run may be asked, by name."""

from collections.abc import Mapping
from typing import Any, Literal

from kullm_tui.core.models.profiles import PAPER_DECODING

Decoding = Literal["", "paper", "greedy", "exact"]

DECODINGS: Mapping[Decoding, Mapping[str, Any]] = {
    "": {},  # each model's own
    "paper": PAPER_DECODING.request_fields(),
    "greedy": {"temperature": 0},  # so that what differs is the model
    "exact": {"temperature": 0, "alone": True},  # and that whoever asks again has the same to the bit
}
