"""What the demo model knows: the items of every topic, in the order in which the corpus was made."""

from functools import cache
from pathlib import Path

from data.demo.item import Item
from data.demo.table import items_in

OUT_OF_RANGE = "범위 밖"  # the topic of tables/refusal.toml
_TABLES = Path(__file__).with_name("tables")
_FILES = (
    *("talk", "countries", "arithmetic", "units", "numerals", "dates", "words", "english"),
    *("animals", "colours", "science", "korea", "sayings", "explanations", "checks", "refusal"),
)


@cache
def items() -> tuple[Item, ...]:
    return tuple(item for name in _FILES for item in items_in((_TABLES / f"{name}.toml").read_text(encoding="utf-8")))
