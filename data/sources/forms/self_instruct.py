"""Self-Instruct's form: an instruction with instances of it, each with an input and an output; or one instance a row."""

from collections.abc import Iterator, Mapping

from data.sources.form import Fields, Flaw, Messages, list_of, pair, perhaps, text_of
from kullm_tui.core.language import say

_NO_INPUT = ("<noinput>", "no input", "none", "n/a")  # as the model that made them wrote it


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    instruction = text_of(fields, "instruction")
    instances = list_of(fields, "instances") if "instances" in fields else [fields]
    for one in instances:
        if isinstance(one, Mapping):
            yield pair(instruction, text_of(one, "output"), _input(one))
        else:
            yield Flaw("instance", say("예가 객체가 아니에요", "an instance is no object"))


def _input(instance: Fields) -> str:
    given = perhaps(instance, "input")
    return "" if given.strip().lower() in _NO_INPUT else given
