"""What the screen shows of the chosen model; `asking.facts_of_model` finds it out."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFacts:
    """What the screen shows of the chosen model."""

    title: str
    adapter: str
    context: int  # 0: not known
    demo: bool
    endpoint: bool
    titles: Mapping[str, str]  # of every profile, by name
    persona: str = ""  # whom it plays, or that somebody wrote a system prompt for it


NOTHING_KNOWN = ModelFacts("", "", 0, demo=False, endpoint=True, titles={})
