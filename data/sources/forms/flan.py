"""FLAN's chains of thought: question, answer and the chain between them. The reply is the chain, then the answer."""

from collections.abc import Iterator

from data.sources.form import Fields, Flaw, Messages, pair, perhaps, text_of


def read(fields: Fields) -> Iterator[Messages | Flaw]:
    chain, answer = perhaps(fields, "chain").strip(), text_of(fields, "answer").strip()
    yield pair(_lines(text_of(fields, "question")), f"{_lines(chain)}\nThe answer is {answer}." if chain else answer)


def _lines(text: str) -> str:
    """A line of a table writes its line breaks as two characters."""
    return text.replace("\\n", "\n").strip()
