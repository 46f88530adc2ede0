"""P3: a data set's row in one of its templates, as prompt and completion; under the names of each of its editions."""

from collections.abc import Iterator

from data.sources.form import Fields, Flaw, Messages, pair, text_of

_END = "<|endoftext|>"  # written behind completions for the model that one edition was made for


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    prompt = text_of(fields, "inputs_pretokenized", "prompt", "inputs")
    completion = text_of(fields, "targets_pretokenized", "completion", "targets")
    yield pair(prompt.strip(), completion.strip().removesuffix(_END).strip())
