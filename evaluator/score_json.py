"""Scores in a judge's JSON, flat or nested: `{"Fluency": 4}`, `{"Fluency": {"score": "4"}}`, `[{"criterion": "Fluency", "score": 4}]`.

As in the lines of a text, every number of an entry has to be explained: as its score, its maximum or its range.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.rubric import Criterion
from evaluator.score_beside import Value, value_of
from evaluator.score_doubts import doubt
from evaluator.score_lines import Found, Misfit
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

_SCORE_KEYS = frozenset(("score", "점수", "rating", "평점", "value", "grade"))
_NAME_KEYS = frozenset(("criterion", "criteria", "name", "metric", "aspect", "항목", "기준", "평가기준", "이름"))
_MOST_KEYS = frozenset(("max", "maximum", "maxscore", "outof", "high", "만점", "배점", "최대"))
_LEAST_KEYS = frozenset(("min", "minimum", "minscore", "low", "최소"))
_ASIDE_KEYS = frozenset(("weight", "가중치", "id", "index", "no", "번호", "confidence", "order"))
_NOT_GIVEN = _MOST_KEYS | _LEAST_KEYS | frozenset(("range", "scale", "example", "예시", "범위", "척도"))
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class JsonObject:
    start: int
    end: int
    value: Any  # dictionaries, lists, numbers and texts; names that occur twice in a dictionary are Repeated


@dataclass(frozen=True)
class Repeated:
    """A name that one object holds twice: nobody can say which counts."""

    values: tuple[Any, ...]


def json_objects(text: str) -> Iterator[JsonObject]:
    """The outermost objects and lists of objects in a text, with prose around them or without."""
    decoder, at = json.JSONDecoder(object_pairs_hook=_pairs), 0
    while opening := re.compile(r"\{|\[(?=\s*\{)").search(text, at):
        try:
            value, end = decoder.raw_decode(text, opening.start())
        except RecursionError:
            return  # nobody's verdict
        except ValueError:
            at = opening.end()
            continue
        yield JsonObject(opening.start(), end, value)
        at = end


def scores_in(value: object, criteria: Sequence[Criterion], place: int) -> Iterator[Found | Misfit]:
    if isinstance(value, list):
        for one in value:
            yield from scores_in(one, criteria, place)
    if not isinstance(value, dict):
        return
    named = _listed(value, criteria)
    if named:
        yield _entry(named, value, place)
        return
    for key, given in value.items():
        criterion = _criterion(key, criteria)
        if criterion:
            yield _entry(criterion, given, place)
        elif _folded(key) not in _NOT_GIVEN:
            yield from scores_in(given, criteria, place)


def text_of(value: object, key: str) -> str:
    """A text that stands under this name in the object itself."""
    given = value.get(key) if isinstance(value, dict) else None
    return nfc(given) if isinstance(given, str) else ""


def _entry(criterion: Criterion, given: object, place: int) -> Found | Misfit:
    score = _from_fields(given, criterion) if isinstance(given, dict) else _plain_score(given, criterion)
    if score is None:
        shown = json.dumps(given, ensure_ascii=False, default=str)[:_LONGEST_SHOWN]
        return Misfit(criterion, shown, place, say("점수 하나로 읽히지 않아요", "it is not one plain score"))
    return Found(criterion, score, place)


def _from_fields(fields: Mapping[str, Any], criterion: Criterion) -> float | None:
    scores = [value for key, value in fields.items() if _folded(key) in _SCORE_KEYS]
    score = _plain_score(scores[0], criterion) if len(scores) == 1 else None
    explained = score is not None and all(
        _explained(_folded(key), value, score, criterion) for key, value in fields.items() if value is not scores[0]
    )
    return score if explained else None


def _explained(key: str, value: object, score: float, criterion: Criterion) -> bool:
    if key in _MOST_KEYS:
        return value in (criterion.high, str(criterion.high))
    if key in _LEAST_KEYS:
        return value in (criterion.low, str(criterion.low))
    if key in _ASIDE_KEYS or value is None or isinstance(value, bool):
        return True
    if isinstance(value, str):
        return key in _NAME_KEYS or not doubt(f". {value}", score, criterion)
    return False


def _plain_score(given: object, criterion: Criterion) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    if isinstance(given, str):
        said = value_of(given, criterion)
        return said.score if isinstance(said, Value) else None
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _listed(fields: Mapping[str, Any], criteria: Sequence[Criterion]) -> Criterion | None:
    names = [value for key, value in fields.items() if _folded(key) in _NAME_KEYS and isinstance(value, str)]
    return _criterion(names[0], criteria) if len(names) == 1 else None


def _criterion(key: str, criteria: Sequence[Criterion]) -> Criterion | None:
    bare = _folded(re.sub(r"\([^()]*\)", "", key))
    bare = re.sub(r"(?<=.)(?:점수|score|rating)$", "", bare) if not _is_name(bare, criteria) else bare
    return next((one for one in criteria if bare in {_folded(name) for name in (one.name, *one.aliases)}), None)


def _is_name(folded: str, criteria: Sequence[Criterion]) -> bool:
    return any(folded == _folded(name) for one in criteria for name in (one.name, *one.aliases))


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", nfc(name)).casefold()


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        values[nfc(key)] = Repeated((values[nfc(key)], value)) if nfc(key) in values else value
    return values
