"""What stands beside a criterion's name, read as a small grammar: brackets, a sign, one number, its marks, a remark.

    name  brackets*  sign  value  mark?  maximum?  remark?
          (1-5)      :     4      점     /5        - 자연스럽습니다

Every number has to have one of these places. A number in brackets alone is the score itself (`Fluency (5)`), so long as nothing
beside it says another.
"""

import re
from dataclasses import dataclass

from evaluator.rubric import Criterion
from evaluator.score_doubts import doubt
from evaluator.score_text import MARK, NUMBER, SCORE_WORD, as_score
from kullm_tui.core.language import say

_WHOLE_NUMBER = rf"(?P<number>{NUMBER})(?![0-9]|[.,][0-9])"
_GIVEN = (
    r"(?:(?:을|를|으로|로)?\s*(?:부여|평가|판단|채점|책정|주)?\s*(?:합니다|하겠습니다|했습니다|됩니다|함|했음|됨|드립니다|드리겠습니다|드려요|줍니다|주겠습니다|줄게요|매깁니다|"
    r"매기겠습니다|입니다|이다|이에요|예요|임)|을\s*부여|(?:이|라)고\s*(?:평가|판단|생각)(?:합니다|됩니다))"
)
_OUT_OF = rf"(?:/|out\s+of|중\s+최대)\s*(?P<most>{NUMBER})(?:\s*{MARK})?"
# `5점 만점에 4점`, `5점 중 4점`, `만점 5점 중 4점`
_MOST_FIRST = rf"(?:(?:만점\s*)?(?P<first>{NUMBER})\s*점\s*(?:만점(?:\s*(?:에|중에?서?|기준(?:으로)?))?|중에?서?|가운데)\s*[,:]?\s*)"
_VALUE = re.compile(
    rf"""(?P<opening>[(\[<{{]\s*)?
    (?:{SCORE_WORD}\s*(?:[:=]|->)?\s*)?
    {_MOST_FIRST}?
    {_WHOLE_NUMBER}
    (?P<mark>\s*{MARK})?
    (?:\s*{_OUT_OF})?
    (?:\s*[(\[]\s*(?P<full>{NUMBER})\s*점?\s*만점\s*[)\]])?
    (?P<given>{_GIVEN})?
    (?P<closing>\s*[)\]>}}])?""",
    re.VERBOSE | re.IGNORECASE,
)
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_SIGN = re.compile(
    rf"""\s*(?:{SCORE_WORD}\s*)?
    (?P<sign>->|=>|[:=|](?:\s*[=:|])?|(?<=\s)[-–—]+(?=\s)
      |(?:점수)?[은는이가](?=\s)|에(?:는|\s*대해(?:서는?)?)?(?=\s)
      |\b(?:is|gets|receives|earns|deserves|scored|scores|rated|was|at)\b(?:\s+an?\b)?(?:\s+{SCORE_WORD}\s+of\b)?|)\s*
    (?P<column>[0-9]+\s*[-~–—]\s*[0-9]+\s*\|\s*)?""",
    re.VERBOSE | re.IGNORECASE,
)
_RANGE = re.compile(
    r"(?:(?:on\s+a\s+)?(?:scale|range|범위|척도)\s*(?:of|from|:)?\s*|from\s+)?([0-9]{1,3})\s*점?\s*(?:[-~–—,/]|to|or|또는|에서|부터)\s*([0-9]{1,3})\s*점?(?:\s*(?:까지|사이|scale|척도|points?))?", re.IGNORECASE
)  # fmt: skip
_MOST = re.compile(
    r"(?:(?:out\s+of|max(?:imum)?|최대|만점|배점|/)\s*:?\s*([0-9]{1,3})\s*점?|([0-9]{1,3})\s*점?\s*만점)", re.IGNORECASE
)
_INSIDE = re.compile(
    rf"(?:{SCORE_WORD}\s*[:=]?\s*)?{_WHOLE_NUMBER}\s*{MARK}?(?:\s*(?:[/\-–—]|out\s+of|점\s*중)\s*(?P<most>{NUMBER})\s*{MARK}?)?(?P<remark>[,;:].*)?",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"\s*(?:n\s*/\s*a|none|null|평가\s*불가|해당\s*없음|없음|-)\s*", re.IGNORECASE)
# Where a reason ends and its score begins: `… 점수: 4`, `… (4)`, `… → 4점`, `… 있어 4점`.
_CLOSES = re.compile(
    rf"(?:^|[\s.,;(\[])(?:(?:최종|final|overall)\s+)?{SCORE_WORD}\s*(?:[:=]|of\b)\s*|\s*(?=[(\[]\s*[0-9])|\s(?:->|=>)\s*(?=[0-9])"
    rf"|\s(?=(?:{NUMBER}\s*점\s*(?:만점\s*에|중)\s*)?{NUMBER}\s*(?:점|/\s*[0-9]|out\s+of))",
    re.IGNORECASE,
)
_NOT_YET = re.compile(
    r"약|거의|대략|최소|최대|최고|최저|아마|보다|원래|처음|이전|기대|만약|라면|다면|아니|아닌|않|없|못|감점|가점|차감|만점|까지|부터|마다|하나에|당\s*$|씩|"
    r"\b(?:about|around|almost|nearly|not|no|than|least|most|under|over|below|above|would|could|might|may|if|was|were|from|of|maximum|max|minus|plus|deduct\w*|lose[sd]?|lost|between|or|to)\b|n['’]t\b",
    re.IGNORECASE,
)
_SET_APART = re.compile(
    r"\s*$|\s*[.;,:!|…]+(?!\d)|\s*[)\]}>]|\s*\(|\s*\[(?=[^\W\d])|\s+/\s+(?=[가-힣])|\s+[-–—]+\s+|\s*[-–—]\s*(?=[^\W\d])(?!point)"
)
_FLOWS_ON = re.compile(r"\s+(?:because|since|as|due\s+to|for|with|given|왜냐하면)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Value:
    score: float


@dataclass(frozen=True)
class Unclear:
    """Something is said there that is no plain score of this criterion."""

    why: str
    firm: bool = True  # a line of the form, and no sentence about it


def value_beside(rest: str, criterion: Criterion) -> Value | Unclear | None:
    """The score in what follows a criterion's name; None where nothing tries to be one."""
    inside, at = _brackets(rest, criterion)
    if isinstance(inside, Unclear):
        return inside
    sign = _SIGN.match(rest, at)
    assert sign  # every part of it may be empty
    set_apart = bool(
        at or sign["sign"] in (":", "=", "|", "->", "=>") or sign["sign"].strip("-–—: |=") == "" != sign["sign"]
    )
    if sign["column"] and not _range_fits(sign["column"].rstrip("| "), criterion):
        return _scale(sign["column"], firm=True)
    beside = _value_at(rest, sign.end(), criterion, set_apart=set_apart, spaced=sign.end() > at)
    if inside is None:
        return beside
    if beside is None or (isinstance(beside, Unclear) and ":" in sign["sign"]):
        why = doubt(rest[at:], inside.score, criterion)
        return Unclear(why) if why else inside
    return inside if beside == inside else Unclear(say("괄호 안과 밖의 수가 달라요", "two numbers stand at it"))


def value_of(text: str, criterion: Criterion) -> Value | Unclear | None:
    """A score that stands by itself, as in a table's cell; a remark may follow it."""
    return _value_at(text.strip(), 0, criterion, set_apart=True, spaced=True)


def bare(line: str, criterion: Criterion) -> Value | None:
    """A line that is one number and nothing else but its marks."""
    stripped = re.sub(
        rf"^\s*(?:[\-•·#>|+]+\s+)*(?:(?:최종|final|overall)\s+)?(?:{SCORE_WORD}\s*(?:[:=은는]|->)?\s*)?",
        "",
        line,
        flags=re.I,
    )
    match = _VALUE.match(stripped)
    if not match or stripped[match.end() :].strip(" .|"):
        return None
    return _checked(match, criterion)


def value_at_end(text: str, criterion: Criterion) -> Value | None:
    """A score that closes a reason; the reason holds no other number, and its last clause does not bend this one."""
    for closing in _CLOSES.finditer(text):
        rest = text[closing.end() :]
        value = bare(rest, criterion) if not rest.startswith(("-", "+")) else None
        clause = re.split(r"[.!?;](?:\s|$)", text[: closing.start()])[-1]
        if value and not doubt(f". {text[: closing.start()]}", value.score, criterion):
            return value if closing[0].strip(" .,;([") or not _NOT_YET.search(clause) else None
    return None


def _brackets(rest: str, criterion: Criterion) -> tuple[Value | Unclear | None, int]:
    """The score that brackets after the name hold, if they do, and where they end."""
    at, found = 0, None
    while bracket := _BRACKETS.match(rest, at):
        if not _range_fits(bracket[1].strip(), criterion) or "/" in bracket[1]:
            inside = _in_brackets(bracket[1].strip(), rest[bracket.end() :], criterion)
            if isinstance(inside, Unclear) or (inside and found):
                return inside, at
            found = inside or found
        at = bracket.end()
    return found, at


def _in_brackets(inside: str, after: str, criterion: Criterion) -> Value | Unclear | None:
    if not re.search(r"\d", inside):
        return Unclear(say("점수가 없어요", "no score is given")) if _NOTHING.fullmatch(inside) else None
    match = _INSIDE.fullmatch(inside)
    ranged = _range_fits(inside, criterion)
    if not match:
        return None if ranged else _scale(inside, firm=True)
    if match["most"] and as_score(match["most"]) != criterion.high:
        return _scale(inside, firm=True)
    score = as_score(match["number"])
    if match["most"] and "/" not in inside and "of" not in inside.lower() and score != criterion.high:
        return None if ranged else _scale(inside, firm=True)  # `(4-5)` may be four to five
    if ranged and (re.search(r"\d", after) or (criterion.low, criterion.high) == (0, 1)):
        return None
    why = doubt(match["remark"] or "", score, criterion)
    return Unclear(why) if why else Value(score)


def _value_at(rest: str, at: int, criterion: Criterion, *, set_apart: bool, spaced: bool) -> Value | Unclear | None:
    match = _VALUE.match(rest, at)
    if not match:
        return None
    tail = rest[match.end() :]
    marked = bool(match["mark"] or match["most"] or match["given"] or match["opening"])
    if not (set_apart or marked or (spaced and (not tail.strip(" .!") or _FLOWS_ON.match(tail)))):
        return Unclear(say("점수로 적은 것인지 분명하지 않아요", "it may be no score"), firm=False)
    value = _checked(match, criterion)
    flows_on = _FLOWS_ON.match(tail) or (marked and re.match(r"\s+(?=[^\W\d])", tail))
    if value is None:
        return _scale(match[0], firm=set_apart)
    if not (_SET_APART.match(tail) or flows_on) or not _closed(tail, rest):
        return Unclear(say("점수 형식이 아니에요", "not in a score's form"), firm=set_apart)
    why = doubt(tail, value.score, criterion)
    return Unclear(why, firm=set_apart) if why else value


def _checked(match: re.Match[str], criterion: Criterion) -> Value | None:
    """Its maximum, wherever it is named, is the rubric's; its brackets are closed."""
    stated = [as_score(match[name]) for name in ("first", "most", "full") if match[name]]
    if any(most != criterion.high for most in stated) or (match["opening"] is None) < (match["closing"] is None):
        return None
    if match["opening"] is None and match["closing"] and "(" not in match.string and "[" not in match.string:
        return Value(as_score(match["number"])) if match["closing"].strip() == "}" else None
    return Value(as_score(match["number"]))


def _closed(tail: str, rest: str) -> bool:
    closing = re.match(r"\s*([)\]])", tail)
    return closing is None or rest.count(closing[1]) <= rest.count({")": "(", "]": "["}[closing[1]])


def _range_fits(text: str, criterion: Criterion) -> bool:
    """A judge that names another range has judged on another scale. Words without digits are only a translation."""
    if span := _RANGE.fullmatch(text):
        return (int(span[1]), int(span[2])) == (criterion.low, criterion.high)
    if most := _MOST.fullmatch(text):
        return int(most[1] or most[2]) == criterion.high
    return False


def _scale(said: str, *, firm: bool) -> Unclear:
    said = said.strip(" |")
    return Unclear(say(f"다른 척도이거나 점수가 아니에요({said})", f"another scale, or no score ({said})"), firm=firm)
