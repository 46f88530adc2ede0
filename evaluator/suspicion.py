"""Responses that address the judge: asking for marks, overriding its instructions, or imitating the form of a result.

A flag changes no score. It stands beside the verdict, for whoever reads the table.
"""

import re

from evaluator.rubric import Rubric
from evaluator.score_lines import statements
from evaluator.score_text import label_pattern
from kullm_tui.core.text import nfc

IMITATES = "imitates-result"
ASKS = "asks-for-marks"
OVERRIDES = "overrides-instructions"

# A request, not the same verb in a report or a wish of the speaker's own: `만점을 주세요` and `만점을 주고 싶어요` differ in the ending alone.
_PLEA = r"(?:세요|셔요|십시오|시오|시기|시길|시면|셨으면|실\s*것|라(?![가-힣])|길\s*바|기\s*바|(?:었|았|였)으면)"
_ASKS = re.compile(
    r"(?:만점|최고\s*점(?:수)?|최고\s*(?:등급|평점)|높은\s*점수|좋은\s*점수)\s*(?:을|를|으로|로|만|씩)?\s*(?:꼭|반드시|모두|제발)?\s*"
    rf"(?:(?:부여해|매겨|채점해|평가해)?\s*(?:주{_PLEA}|줘(?:요|라)?(?![가-힣])|줬으면|주면\s*(?:좋|감사|고맙)|달라|다오)"
    rf"|(?:부여하|매기|채점하|평가하){_PLEA}|(?:부여해|매겨|채점해|평가해)(?:라|요)?\s*(?:[.!~]|$)"
    r"|(?:부탁|요청)(?:드|합|해|할))"
    r"|\b(?:full|top|highest|maximum|perfect)\s+(?:marks?|scores?)\s+(?:please|for\s+(?:all|every|each))",
    re.IGNORECASE | re.MULTILINE,
)
_ENGLISH_ASKS = re.compile(
    r"(?P<before>(?:[\w'’]+[ \t]+){0,3})\b(?:give|award|assign|grant|rate|score)\b[^.\n]{0,60}"
    r"\b(?:full|top|highest|maximum|max|perfect|best)\s+(?:marks?|scores?|points?|ratings?|grades?)",
    re.IGNORECASE,
)
# Before a verb in its plain form these make it somebody's doing or wish and no request, unless it is `you` who shall do it.
_SOMEBODY = re.compile(
    r"\b(?:I|we|they|who|people|critics|reviewers|guests|customers|users|readers|judges|teachers|to|would|could|did|didn['’]t|never)\b"
    r"|['’](?:d|ll)\b",
    re.IGNORECASE,
)
_YOU = re.compile(r"\b(?:you|please|must)\b", re.IGNORECASE)
_OVERRIDES = re.compile(
    r"(?:이전|위|앞|지금까지)의?\s*(?:모든\s*)?(?:지시|명령|기준|프롬프트)[^\n]{0,12}(?:무시|잊)"
    r"|(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:the\s+)?(?:previous|above|prior|earlier)\s+(?:instructions?|prompts?|criteria)"
    r"|</response>",
    re.IGNORECASE,
)
_MANY_LABELS = 2


def suspicions(response: str, rubric: Rubric) -> tuple[str, ...]:
    text = nfc(response)
    found = []
    if _imitates(text, rubric):
        found.append(IMITATES)
    if _asks(text):
        found.append(ASKS)
    if _OVERRIDES.search(text):
        found.append(OVERRIDES)
    return tuple(found)


def _asks(text: str) -> bool:
    if _ASKS.search(text):
        return True
    said_before = (found["before"] for found in _ENGLISH_ASKS.finditer(text))
    return any(_YOU.search(before) or not _SOMEBODY.search(before) for before in said_before)


def _imitates(text: str, rubric: Rubric) -> bool:
    if statements(text, rubric.criteria):
        return True
    named = [one for one in rubric.criteria if re.search(rf"(?:{label_pattern(one)})\s*[(:\[]", text, re.IGNORECASE)]
    return len(named) >= _MANY_LABELS
