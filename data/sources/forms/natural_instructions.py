"""Natural Instructions: a task's definition with its instances, as the tasks' own files and as one row an instance."""

from collections.abc import Iterator, Mapping

from data.sources.form import Fields, Flaw, Messages, Unfit, pair, text_of
from kullm_tui.core.language import say


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    instance = fields.get("Instances", fields)
    if not isinstance(instance, Mapping):
        raise Unfit("instance", say("예가 객체가 아니에요", "an instance is no object"))
    definition = text_of(fields, "Definition", "definition")
    yield pair(definition, text_of(instance, "output", "targets"), text_of(instance, "input", "inputs"))
