"""A judge's words → scores, in the paper's free form or as strict JSON. What cannot be read is Unscored, with the reason.

Only the judge's own words count: what it repeats of a response is taken out first, whatever scores the response gives itself.
A verdict is whole or it is unscored, so that the means of a table's columns all rest on the same verdicts.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from evaluator.rubric import Criterion, Rubric
from evaluator.score_beside import bare
from evaluator.score_doubts import doubt_after
from evaluator.score_json import JsonObject, json_objects, scores_in, text_of
from evaluator.score_lines import Found, Misfit, numbers_beside, plain_lines, statements_in
from evaluator.score_quotes import own_statements
from evaluator.score_tables import tables
from evaluator.score_text import label_pattern, plain
from evaluator.single_score import as_named, single_score
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

REASON_FIELD: Mapping[str, str] = {"ko": "근거", "en": "reason"}
_THOUGHT = re.compile(r"<(/?)think(?:ing)?>")
_HEADING = re.compile(r"[#*\s]*[^.!?]{0,30}[:：][*\s]*|#.*|[-•*\d.)\s]*\d{0,3}")  # `Result:`, `## 평가`, a bare number
_SHOWN = 80
_JSON = "\ue000{}\ue001"  # where an object stood, in the private use area, which no judge writes
_JSON_PLACE = re.compile("\ue000([0-9]+)\ue001")


@dataclass(frozen=True)
class Scores:
    values: Mapping[
        str, float
    ]  # by the criterion's name, in the rubric's order; whole unless the rubric has half points
    reason: str = ""


@dataclass(frozen=True)
class Unscored:
    reason: str


@dataclass(frozen=True)
class _Words:
    """A text as it is read: its lines, and every statement in them and in its JSON."""

    lines: Sequence[str]
    objects: Sequence[JsonObject]
    found: Sequence[Found | Misfit]

    @property
    def read(self) -> set[int]:
        """The lines that are statements or a table's."""
        places = {one.place for one in self.found if isinstance(one, Found) or one.firm}
        return places.union(*(table.lines for table in tables(self.lines) if set(table.lines) & places))


def read_free_text(text: str, rubric: Rubric, *, response: str = "") -> Scores | Unscored:
    return _read(text, rubric, response, only_json=False)


def read_json(text: str, rubric: Rubric, *, response: str = "") -> Scores | Unscored:
    """Of an object, alone, in a fence or after prose. What the prose before it weighs up does not count."""
    if next(json_objects(_spoken(text)), None) is None:
        return Unscored(say("JSON 객체가 없어요", "there is no JSON object"))
    return _read(text, rubric, response, only_json=True)


def _read(text: str, rubric: Rubric, response: str, *, only_json: bool) -> Scores | Unscored:
    text, response = nfc(text), nfc(response)
    criteria = as_named(rubric.criteria)
    claims = _claims(_words(response, criteria), criteria)
    own_words = _spoken(_without_echo(text, response) if claims else text)
    if not own_words.strip(" \n…"):
        return Unscored(say("채점자가 한 말이 없어요", "the judge said nothing of its own"))
    words = _words(own_words, criteria)
    if only_json:
        words = replace(words, found=[one for one in words.found if _JSON_PLACE.search(words.lines[one.place])])
    found, quoted = _own(words, claims)
    if not found and not quoted and len(rubric.criteria) == 1:
        found = single_score(words.lines, criteria[0])
    read = _collected(found, rubric)
    if isinstance(read, Unscored):
        return Unscored(_only_quoted()) if quoted and not found else read
    if why := _doubt_below(words, found, criteria):
        return Unscored(why)
    return Scores(read.values, _reason(own_words, words, rubric))


def json_schema(rubric: Rubric) -> dict[str, Any]:
    """What a strict judge must answer with; its reason comes first, so that the scores follow from it."""
    reason = REASON_FIELD[rubric.language]
    scores = {
        one.name: {"type": "number" if one.half_points else "integer", "enum": list(one.choices)}
        for one in rubric.criteria
    }  # fmt: skip
    properties = {reason: {"type": "string"}, **scores}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _spoken(text: str) -> str:
    """Without what the judge only thought; a thought that was never closed is all there is."""
    marks = list(_THOUGHT.finditer(text))
    begin = max((mark.end() for mark in marks if mark[1]), default=0)
    end = min((mark.start() for mark in marks if not mark[1] and mark.start() >= begin), default=len(text))
    return text[begin:end]


def _words(text: str, criteria: Sequence[Criterion]) -> _Words:
    text = text.replace(_JSON[0], "")  # else a text could point at an object that it lacks
    objects = list(json_objects(text))
    for number, one in reversed(list(enumerate(objects))):
        text = f"{text[: one.start]}\n{_JSON.format(number)}\n{text[one.end :]}"
    lines = plain_lines(text)
    found = statements_in(lines, criteria)
    for place, line in enumerate(lines):
        if match := _JSON_PLACE.search(line):
            found += scores_in(objects[int(match[1])].value, criteria, place)
    return _Words(lines, objects, sorted(found, key=lambda one: one.place))


def _claims(response: _Words, criteria: Sequence[Criterion]) -> Set[tuple[str, float]]:
    """Each criterion with the scores that a response names, however loosely."""
    found = {(one.criterion.name, one.score) for one in response.found if isinstance(one, Found)}
    return found | set(numbers_beside(response.lines, criteria)) if response.found else found


def _own(words: _Words, claims: Set[tuple[str, float]]) -> tuple[Sequence[Found | Misfit], bool]:
    """A text that is nothing but one score quotes nobody."""
    said = [line for line in words.lines if line.strip()]
    if len(said) == len(words.found) == 1:
        return words.found, False
    return own_statements(words.found, words.lines, claims)


def _doubt_below(words: _Words, found: Sequence[Found | Misfit], criteria: Sequence[Criterion]) -> str:
    """What the lines below the scores say of them: of the criteria that they name, else of the one above."""
    stated, given = words.read, [one for one in found if isinstance(one, Found)]
    labels = {one.name: re.compile(label_pattern(one), re.IGNORECASE) for one in criteria}
    any_label = "|".join(pattern.pattern for pattern in labels.values())
    form = re.compile(  # a heading's own numbers
        rf"(?:^[\s#\-]*\d{{1,2}}[.)]\s*)?(?:{any_label})(?:\s*[(\[]\s*\d+\s*[-~–]\s*\d+\s*[)\]])?", re.IGNORECASE
    )
    for place, line in enumerate(words.lines):
        above = [one for one in given if one.place < place]
        if not above or place in stated or not line.strip() or _JSON_PLACE.search(line):
            continue
        named = [one for one in given if labels[one.criterion.name].search(line)]
        for one in named or above[-1:]:
            said = form.sub("", line)
            why = doubt_after(said, one.score, one.criterion, named=bool(named), alone=len(criteria) == 1)
            if why:
                return f"{why} ({line.strip()[:_SHOWN]})"
    return ""


def _collected(found: Sequence[Found | Misfit], rubric: Rubric) -> Scores | Unscored:
    values: dict[str, float] = {}
    for criterion in rubric.criteria:
        score = _one_score(criterion, [one for one in found if one.criterion.name == criterion.name])
        if isinstance(score, Unscored):
            return score
        values[criterion.name] = score
    return Scores(values)


def _one_score(criterion: Criterion, found: Sequence[Found | Misfit]) -> float | Unscored:
    name = criterion.name
    settled = any(isinstance(one, Found) for one in found)  # what a sentence says below it is read as any other line
    misfits = [one for one in found if isinstance(one, Misfit) and (one.firm or not settled)]
    if misfits:
        line, why = misfits[0].line[:_SHOWN], misfits[0].why
        return Unscored(f"{name}: {why or say('점수 형식이 아니에요', 'not in a score’s form')} ({line})")
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
    if score not in criterion.choices:
        return Unscored(
            say(f"{name}: {score}점은 이 기준에 없는 점수예요", f"{name}: {score} is no score of this rubric")
        )
    return score


def _without_echo(text: str, response: str) -> str:
    """The text without the whole response repeated in it; a sign stays, so that what led to it leads to nothing else."""
    words = response.split()
    return re.sub(r"\s+".join(map(re.escape, words)), "\n…\n", text) if words else text


def _reason(own_words: str, words: _Words, rubric: Rubric) -> str:
    field = REASON_FIELD[rubric.language]
    given = next((text_of(one.value, field) for one in words.objects), "")
    return given or _remarks(own_words, words, rubric)


def _remarks(text: str, words: _Words, rubric: Rubric) -> str:
    """What the judge said beside the scores: the lines that name no criterion and head no list."""
    criteria = as_named(rubric.criteria)
    labels = "|".join(label_pattern(one) for one in criteria)
    form = re.compile(rf"(?:{labels})[*_\s]*[(:\[|]", re.IGNORECASE)
    for one in reversed(words.objects):
        text = text[: one.start] + text[one.end :]
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    return "\n".join(
        line for line in lines if not (form.search(line) or _HEADING.fullmatch(line) or _is_score(line, criteria))
    )


def _is_score(line: str, criteria: Sequence[Criterion]) -> bool:
    return bool(statements_in(plain_lines(line), criteria)) or any(bare(plain(line), one) for one in criteria)


def _only_quoted() -> str:
    return say("응답에 있는 점수를 옮겨 적었을 뿐이에요", "its scores only repeat those that stand in the response")
