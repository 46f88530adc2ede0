"""Files of anybody's, read by their columns: instruction, input and output, or conversations, under the names that were given."""

from collections.abc import Iterator, Mapping

from data.sources.columns import likely, mapped
from data.sources.form import Fields, Flaw, Messages, Unfit, pair, perhaps, text_of
from data.sources.forms import sharegpt
from kullm_tui.core.language import say


def read(fields: Fields, *, columns: Mapping[str, str]) -> Iterator[Messages | Flaw]:
    found = mapped(fields, columns)
    if "conversations" in found:
        yield from sharegpt.read_conversations(found)
    elif "instruction" in found and "output" in found:
        _require_input_read(fields, columns)
        yield pair(text_of(found, "instruction"), text_of(found, "output"), perhaps(found, "input"))
    else:
        raise Unfit("columns", _missing(fields, columns))


def _require_input_read(fields: Fields, columns: Mapping[str, str]) -> None:
    """A context that the question is about is never left out in silence."""
    if "input" in fields or "input" in columns:
        return
    for name in likely(list(map(str, fields)), columns, ("input",)).values():
        raise Unfit(
            "unread-column",
            say(
                f"{name} 열을 읽지 않아요. 입력으로 쓰려면 input={name}, 쓰지 않으려면 input=으로 정하세요",
                f"the column {name} would not be read. Say input={name} to use it, input= to leave it out",
            ),
        )


def _missing(fields: Fields, columns: Mapping[str, str]) -> str:
    present = list(map(str, fields))
    listed = ", ".join(present) or say("없음", "none")
    hint = ", ".join(f"{ours}={theirs}" for ours, theirs in likely(present, columns).items())
    perhaps_these = say(f" 아마 이것일 거예요: {hint}", f" Most likely: {hint}") if hint else ""
    return say(
        f"instruction과 output 열, 또는 conversations 열이 없어요. 있는 열: {listed}.{perhaps_these}",
        f"no columns instruction and output, nor conversations, among {listed}.{perhaps_these}",
    )
