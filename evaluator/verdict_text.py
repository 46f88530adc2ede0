"""A judge's words → scores, in the paper's free form or as strict JSON. What cannot be read is Unscored, with the reason.

Only the judge's own words count: a response that it repeats is cut out first, whatever scores the response gives itself.
A verdict is whole or it is unscored, so that the means of a table's columns all rest on the same verdicts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.rubric import Criterion, Rubric
from evaluator.score_lines import Found, Misfit, bare_score, label_pattern, statements
from kullm_tui.core.causes import cause_of
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

REASON_FIELD: Mapping[str, str] = {"ko": "근거", "en": "reason"}
_THOUGHT = re.compile(r".*</think(?:ing)?>|<think(?:ing)?>.*", re.DOTALL)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*", re.DOTALL)
_HEADING = re.compile(r"[#*\s]*[^.!?]{0,30}[:：][*\s]*|#.*|[-•*\d.)\s]*\d{0,3}")  # `Result:`, `## 평가`, a bare number
_SHOWN = 80


@dataclass(frozen=True)
class Scores:
    values: Mapping[str, int]  # by the criterion's name, in the rubric's order
    reason: str = ""


@dataclass(frozen=True)
class Unscored:
    reason: str


def read_free_text(text: str, rubric: Rubric, *, response: str = "") -> Scores | Unscored:
    own_words = _THOUGHT.sub("", _without_echo(nfc(text), nfc(response), rubric))
    if not own_words.strip():
        return Unscored(say("채점자가 한 말이 없어요", "the judge said nothing of its own"))
    if len(rubric.criteria) == 1:
        only = rubric.criteria[0]
        score = bare_score(own_words, only)
        if score is not None:
            return _collected([Found(only, score)], rubric)
    read = _collected(statements(own_words, rubric.criteria), rubric)
    return Scores(read.values, _remarks(own_words, rubric)) if isinstance(read, Scores) else read


def read_json(text: str, rubric: Rubric) -> Scores | Unscored:
    """One object with every criterion, in whole numbers, each once."""
    text = _THOUGHT.sub("", text)
    fenced = _FENCED.fullmatch(text)
    try:
        answer = json.loads(fenced[1] if fenced else text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        return Unscored(say(f"JSON이 아니에요: {cause_of(error)}", f"this is not JSON: {error}"))
    if not isinstance(answer, dict):
        return Unscored(say("JSON 객체가 아니에요", "this is no JSON object"))
    found: list[Found | Misfit] = []
    for criterion in rubric.criteria:
        given = [answer[name] for name in (criterion.name, *criterion.aliases) if name in answer]
        found += [
            Found(criterion, score) if type(score) is int else Misfit(criterion, str(score)[:_SHOWN]) for score in given
        ]
    read = _collected(found, rubric)
    reason = answer.get(REASON_FIELD[rubric.language])
    return Scores(read.values, nfc(reason)) if isinstance(read, Scores) and isinstance(reason, str) else read


def json_schema(rubric: Rubric) -> dict[str, Any]:
    """What a strict judge must answer with; its reason comes first, so that the scores follow from it."""
    reason = REASON_FIELD[rubric.language]
    scores = {
        one.name: {"type": "integer", "enum": list(range(one.low, one.high + 1))} for one in rubric.criteria
    }  # fmt: skip
    properties = {reason: {"type": "string"}, **scores}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _collected(found: Sequence[Found | Misfit], rubric: Rubric) -> Scores | Unscored:
    values: dict[str, int] = {}
    for criterion in rubric.criteria:
        score = _one_score(criterion, [one for one in found if one.criterion == criterion])
        if isinstance(score, Unscored):
            return score
        values[criterion.name] = score
    return Scores(values)


def _one_score(criterion: Criterion, found: Sequence[Found | Misfit]) -> int | Unscored:
    name = criterion.name
    misfits = [one.line for one in found if isinstance(one, Misfit)]
    if misfits:
        line = misfits[0][:_SHOWN]
        return Unscored(say(f"{name}: 점수 형식이 아니에요({line})", f"{name}: not in a score's form ({line})"))
    scores = {one.score for one in found if isinstance(one, Found)}
    if not scores:
        return Unscored(say(f"{name}: 점수가 없어요", f"{name}: no score"))
    if len(scores) > 1:
        listed = ", ".join(map(str, sorted(scores)))
        return Unscored(say(f"{name}: 서로 다른 점수가 있어요({listed})", f"{name}: contradictory scores ({listed})"))
    score = scores.pop()
    if not criterion.low <= score <= criterion.high:
        span = f"{criterion.low}–{criterion.high}"
        return Unscored(say(f"{name}: {score}점은 범위({span}) 밖이에요", f"{name}: {score} is outside {span}"))
    return score


def _without_echo(text: str, response: str, rubric: Rubric) -> str:
    """The text without the whole response repeated in it. Only a response that names scores needs the search."""
    words = response.split()
    if not words or not statements(response, rubric.criteria):
        return text
    return re.sub(r"\s+".join(map(re.escape, words)), "", text)


def _remarks(text: str, rubric: Rubric) -> str:
    """What the judge said beside the scores: the lines that name no criterion and head no list."""
    labels = "|".join(label_pattern(one) for one in rubric.criteria)
    form = re.compile(rf"(?:{labels})[*_\s]*[(:\[|]", re.IGNORECASE)
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    return "\n".join(
        line
        for line in lines
        if not (form.search(line) or _HEADING.fullmatch(line) or statements(line, rubric.criteria))
    )


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError(say("같은 이름이 두 번 있어요", "a name occurs twice"))
    return {nfc(key): value for key, value in pairs}
