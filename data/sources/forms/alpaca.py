"""Alpaca's form, of many sources: instruction, perhaps an input, output. kullm-v2 and KoAlpaca have it too."""

from collections.abc import Iterator

from data.sources.form import Fields, Flaw, Messages, pair, perhaps, text_of


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    yield pair(text_of(fields, "instruction"), text_of(fields, "output"), perhaps(fields, "input"))
