"""The filters of the KULLM paper: a row whose text is not Korean to langid, or shorter than ten characters.

Both look at the row as a whole, and langid chooses among all its languages, as it does where nobody says otherwise. Text that is
70 % English is Korean to it; that is what the strict filter is for, and why the two are counted apart.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from data.row import Rejection, Row
from kullm_tui.core.language import say

_RULES = 1
_LEAST = 10
_WANTED = "ko"


@dataclass(frozen=True)
class PaperFilter:
    name = "paper"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rules": _RULES, "least": _LEAST, "language": _WANTED, "identifier": "langid"}

    def __call__(self, row: Row) -> Row | Rejection:
        text = "\n".join(row.texts)
        if len(text) < _LEAST:
            return Rejection(
                row,
                "paper-short",
                say(
                    f"전체가 {_LEAST}자가 안 돼요: {len(text)}자", f"Less than {_LEAST} characters in all: {len(text)}"
                ),
            )
        language = language_of(text)
        if language != _WANTED:
            return Rejection(
                row,
                "paper-language",
                say(
                    f"langid가 한국어로 보지 않았어요: {language}",
                    f"Not Korean to langid: {language}",
                ),
            )
        return row


def language_of(text: str) -> str:
    """langid's answer, from its own tables: it adds up 7,480 counts for 97 languages, nearly all of them zeros; here only those that are there."""
    import numpy as np

    model = _model()
    moves, state = model.tk_nextmove, 0
    states = Counter([state := moves[(state << 8) + byte] for byte in text.encode("utf-8", errors="replace")])
    counts = Counter[int]()
    for at, often in states.items():
        for feature in model.tk_output.get(at, ()):
            counts[feature] += often
    present = sorted(counts)
    weights = np.array([counts[feature] for feature in present], model.nb_ptc.dtype)
    scores = weights @ model.nb_ptc[present] + model.nb_pc if present else model.nb_pc
    return str(model.nb_classes[int(scores.argmax())])


@cache
def _model() -> Any:
    from langid import langid

    return langid.LanguageIdentifier.from_modelstring(langid.model)
