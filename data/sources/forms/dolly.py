"""Dolly's form: instruction, context, response. The context is the input."""

from collections.abc import Iterator

from data.sources.form import Fields, Flaw, Messages, pair, perhaps, text_of


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    yield pair(text_of(fields, "instruction"), text_of(fields, "response"), perhaps(fields, "context"))
