"""Whose scores a text's are: what a response says of itself never counts, however much of it the judge repeats.

Scores stand in runs: neighbouring lines, each criterion once. A run of which every score also stands in the response is a
quotation, and so is one that the judge's own words call the response's or an example.
"""

import re
from collections.abc import Iterator, Sequence, Set

from evaluator.score_lines import Found, Misfit

_Statement = Found | Misfit
_SAYS = (
    r"claim|say|state|contain|include|show|give|suggest|assert|read|write|wrote|present|quot|imitat|demand|ask|"
    r"주장|적혀|적힌|적은|적었|포함|들어|써\s*있|쓰여|제시|매긴|요구|달라|인용|흉내|베낀|꾸민"
)
_ATTRIBUTES = re.compile(
    rf"(?:response|answer|candidate|assistant|model|text|it\b|응답|답변|답|모델|글|본문)[^.!?\n]*(?:{_SAYS})"
    r"|(?:example|for\s+instance|e\.g\.|\bif\b|hypothetical|suppose|fake|forged|quot(?:e|ed|ation)|injected|예시|예를\s*들|가령|만약|가정|가짜|위조|인용|조작)"
    r"|^[\s#\-]*(?:response|응답|답변|candidate\s+answer|input|입력|instruction|지시문?)\s*$",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\b(?:my|i|i['’]ll|i['’]d|own|here\s+(?:is|are)|actual|real|final)\b|제\s|저의|저는|최종|실제|평가는|채점은|평가\s*결과|채점\s*결과",
    re.IGNORECASE,
)


def own_statements(
    found: Sequence[_Statement], lines: Sequence[str], claimed: Set[tuple[str, float]]
) -> tuple[list[_Statement], bool]:
    """Without what is quoted, and whether anything was. `claimed`: criteria with the scores that the response names."""
    own: list[_Statement] = []
    for run in _runs(found, lines):
        if not (_repeats(run, claimed) or _is_attributed(run[0].place, lines, {one.place for one in found})):
            own += run
    return own, len(own) < len(found)


def _repeats(run: Sequence[_Statement], claimed: Set[tuple[str, float]]) -> bool:
    return bool(claimed) and all(isinstance(one, Found) and (one.criterion.name, one.score) in claimed for one in run)


def _runs(found: Sequence[_Statement], lines: Sequence[str]) -> Iterator[list[_Statement]]:
    run: list[_Statement] = []
    for one in found:
        between = lines[run[-1].place + 1 : one.place] if run else []
        repeated = any(one.criterion == earlier.criterion for earlier in run)
        if run and (repeated or any(line.strip() for line in between)):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _is_attributed(place: int, lines: Sequence[str], stated: set[int]) -> bool:
    """Whether the words that lead to a run say that it is somebody else's."""
    above = (number for number in range(place - 1, -1, -1) if lines[number].strip())
    before = next(
        (number for number in above if number in stated or "|" not in lines[number]), None
    )  # past a table's head
    if before is None or before in stated or not re.search(r"[:：]\s*$", lines[before]):
        return False
    leading = re.split(r"[.!?。]\s+", lines[before].strip())[-1].rstrip(": ：")
    return bool(_ATTRIBUTES.search(leading)) and not _OWN.search(leading)
