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

_ASKS = re.compile(
    r"(?:만점|최고\s*점(?:수)?|최고\s*(?:등급|평점)|높은\s*점수|좋은\s*점수)\s*(?:을|를|으로|만|씩)?\s*"
    r"(?:꼭|반드시|모두|제발)?\s*(?:주|줘|달라|부탁|부여|매겨|매기|채점|평가|요청)"
    r"|(?:give|award|assign|grant|rate|score)\b[^.\n]{0,60}\b(?:full|top|highest|maximum|max|perfect|best)\s+"
    r"(?:marks?|scores?|points?|ratings?|grades?)"
    r"|\b(?:full|top|highest|maximum|perfect)\s+(?:marks?|scores?)\s+(?:please|for\s+(?:all|every|each))",
    re.IGNORECASE,
)
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
    if _ASKS.search(text):
        found.append(ASKS)
    if _OVERRIDES.search(text):
        found.append(OVERRIDES)
    return tuple(found)


def _imitates(text: str, rubric: Rubric) -> bool:
    if statements(text, rubric.criteria):
        return True
    named = [one for one in rubric.criteria if re.search(rf"(?:{label_pattern(one)})\s*[(:\[]", text, re.IGNORECASE)]
    return len(named) >= _MANY_LABELS
