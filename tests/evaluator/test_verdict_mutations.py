"""Verdicts made up and then changed: what moves a score, revises, hedges, quotes or negates it never leaves the old one standing.

`KULLM_FUZZ_VERDICTS` says how many changed verdicts (600); `make soak` reads 5,000.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from evaluator.rubric import Rubric, load_rubric, parse_rubric
from evaluator.verdict_text import Scores, Unscored, read_free_text
from tests.evaluator.test_verdict_forms import REMARKS

VERDICTS = int(os.environ.get("KULLM_FUZZ_VERDICTS", "600"))
_NEEDLESS = 0.01


def _own(*criteria: tuple[str, int, int]) -> Rubric:
    rows = [{"name": name, "low": low, "high": high} for name, low, high in criteria]
    return parse_rubric({"system": "", "user": "{instruction}{input}{response}", "criteria": rows}, "own")


RUBRICS = (
    load_rubric("kullm-2023-ko"),
    load_rubric("kullm-2023-ko-fixed"),
    load_rubric("kullm3-2024-en"),
    _own(("Rating", 1, 10)),
    _own(("점수", 1, 5)),
    _own(("정확성", 0, 10), ("유용성", 0, 10)),
    _own(("Helpfulness", 1, 5), ("Depth", 1, 5), ("Tone", 1, 7)),
)

_REMARKS = [one for one in REMARKS["harmless"] if one[0] not in "점!" and one not in REMARKS["unread"]]


@dataclass(frozen=True)
class Made:
    """A verdict as the judge means it: its lines, one a criterion, and what may be read in it."""

    rubric: Rubric
    scores: tuple[int, ...]
    lines: tuple[str, ...]
    remark: str = ""  # behind each of them
    before: str = ""
    after: str = ""
    response: str = "서울입니다."
    allowed: frozenset[tuple[int, ...] | None] = frozenset()  # none: the scores must be read
    glue: str = "\n"

    @property
    def text(self) -> str:
        return "\n\n".join(
            part
            for part in (self.before, self.glue.join(f"{line}{self.remark}" for line in self.lines), self.after)
            if part
        )

    @property
    def readable(self) -> bool:
        return not self.allowed


def _pick(chance: random.Random, *choices: str) -> str:
    return chance.choice(choices)


def _other(chance: random.Random, made: Made, place: int) -> int:
    one = made.rubric.criteria[place]
    return chance.choice([score for score in range(one.low, one.high + 1) if score != made.scores[place]])


def made_up(chance: random.Random) -> Made:
    """One form for all the lines, sometimes with remarks."""
    rubric = chance.choice(RUBRICS)
    scores = tuple(chance.randint(one.low, one.high) for one in rubric.criteria)
    bullet = _pick(chance, "", "- ", "* ", "• ", "{i}. ", "{i}) ", "### ")
    name = _pick(
        chance, "{n}", "**{n}**", "{n} ({l}-{h})", "{n} ({l} - {h})", "**{n} ({l}~{h})**", "{n} [{l}-{h}]", "`{n}`"
    )
    sign = _pick(chance, ": ", ":", " : ", "： ", " = ", " -> ", " → ", " - ", " | ")
    value = _pick(
        chance, "{s}", "**{s}**", "{s}점", "{s}/{h}", "{s} / {h}", "{s}.0", "{h}점 만점에 {s}점", "{h}점 중 {s}점", "{s}점 ({h}점 만점)",
        "[{s}]", "[[{s}]]", "{s} out of {h}", "{w}", "{s}점입니다", "{s}점을 부여합니다",
    )  # fmt: skip
    remark = _pick(
        chance, "", "", "", " - 무난합니다.", " (무난함)", ". It reads well.", ", 문법 오류가 2개 있습니다.", " – 2 grammatical errors",
        *chance.sample(_REMARKS, 8), ". 3가지 조건을 지켰습니다.", " (2024년 기준)", " ✅", " - GPT-4 수준입니다.", "; step 2 is missing", " (이유: 문장이 짧음)",
    )  # fmt: skip
    form = bullet + name + sign + value
    lines = tuple(
        form.format(i=place, n=one.name, l=one.low, h=one.high, s=score, w=str(score).translate(_WIDE))
        for place, (one, score) in enumerate(zip(rubric.criteria, scores, strict=True), start=1)
    )
    return Made(rubric, scores, lines, remark)


_WIDE = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


def moved(made: Made, chance: random.Random) -> Made:
    lines = list(made.lines)
    chance.shuffle(lines)
    return replace(made, lines=tuple(lines))


def led_in(made: Made, chance: random.Random) -> Made:
    return replace(made, before=_pick(
        chance, "Result:", "평가 결과:", "## 채점", "응답을 꼼꼼히 읽었습니다.", "Here is my evaluation:", "The response has 3 paragraphs and 2 typos.",
        "응답은 3문장이고 오류가 1개 있습니다. 그래도 뜻은 통합니다.", "Instruction: 수도는?\nResponse: 서울입니다.", "<think>4? 5? 3.</think>",
    ))  # fmt: skip


def closed(made: Made, chance: random.Random) -> Made:
    return replace(made, after=_pick(
        chance, "이상입니다.", "I hope this helps!", "응답은 짧지만 2가지 사실을 담고 있습니다.", "The response could use 2 more examples.",
        "---", "전체적으로 무난한 응답입니다.", "참고: 2024년 자료를 썼습니다.",
    ))  # fmt: skip


def spaced(made: Made, chance: random.Random) -> Made:
    return replace(made, glue=_pick(chance, "\n\n", "\n \n", "  \n"))


def as_table(made: Made, chance: random.Random) -> Made:
    rows = zip(made.rubric.criteria, made.scores, strict=True)
    head, form = chance.choice(
        (
            ("| 항목 | 점수 |\n|---|---|", "| {n} | {s} |"),
            ("| 항목 | 만점 | 점수 |\n|---|---|---|", "| {n} | {h} | {s} |"),
            ("| Criterion | Score | Reason |\n|---|:-:|---|", "| **{n}** | {s}/{h} | 2 errors |"),
            ("| Criterion | Range | Reason | Score |\n|---|---|---|---|", "| {n} | {l}-{h} | fine | {s} |"),
        )
    )
    body = [form.format(n=one.name, s=score, h=one.high, l=one.low) for one, score in rows]
    return replace(made, lines=(head, *body), remark="", glue="\n")


def as_json(made: Made, chance: random.Random) -> Made:
    names = [one.name for one in made.rubric.criteria]
    flat = dict(zip(names, made.scores, strict=True))
    shape: object = chance.choice(
        (
            flat,
            {name: str(score) for name, score in flat.items()},
            {name: float(score) for name, score in flat.items()},
            {name: {"score": score, "reason": "2 errors"} for name, score in flat.items()},
            [{"criterion": name, "score": score} for name, score in flat.items()],
            {"scores": flat, "comment": "무난함"},
        )
    )
    text = json.dumps(shape, ensure_ascii=chance.random() < 0.2, indent=chance.choice((None, 2)))
    return replace(made, lines=(f"```json\n{text}\n```" if chance.random() < 0.5 else text,), remark="")


def _changed(made: Made, place: int, more: str, *, instead: int | None = None) -> Made:
    """The line with more said of it; the changed score may be read where one is clearly given."""
    lines = [*made.lines]
    lines[place] += more
    return replace(made, lines=tuple(lines), allowed=_allowed(made, place, instead))


def _allowed(made: Made, place: int, instead: int | None) -> frozenset[tuple[int, ...] | None]:
    scores = list(made.scores)
    if instead is None:
        return frozenset({None})
    scores[place] = instead
    return frozenset({None, tuple(scores)})


def revised(made: Made, chance: random.Random) -> Made:
    place = chance.randrange(len(made.lines))
    other = _other(chance, made, place)
    more = _pick(
        chance, " -> {o}", " → {o}점", " => {o}", " (감점 후 {o})", " (수정: {o}점)", " (revised to {o})", ". 하지만 최종 점수는 {o}점", ". 최종: {o}",
        ". However, the final score is {o}.", ". Actually, {o}.", ". Correction: {o}", ", 다시 보니 {o}점", " ➡️ {o}", " - 감점하여 {o}점", ". No, make it {o}.",
        " (원래 {o}점이었으나 조정)", ". 아니, {o}점.", "; on reflection {o}", ". 정정: {o}점", ", later changed to {o}", " (before penalty; {o} after)",
    )  # fmt: skip
    return _changed(made, place, more.format(o=other), instead=other)


def revised_below(made: Made, chance: random.Random) -> Made:
    place = chance.randrange(len(made.lines))
    one, other = made.rubric.criteria[place], _other(chance, made, place)
    after = _pick(
        chance, "다시 생각하니 {n} 점수는 {o}점이 맞습니다.", "Correction: {n}: {o}", "On second thought, {n} should be {o}.", "최종 점수: {n} {o}점",
        "{n}: {o}", "- {n}: {o}점 (정정)", "I change {n} to {o} points.", "위 점수는 취소합니다.", "Please disregard these scores; I retract them.",
        "모든 점수를 1점씩 낮추겠습니다.", "수정합니다. {n}은(는) {o}점입니다.", "{n} 점수를 {o}점으로 변경합니다.",
    )  # fmt: skip
    return replace(made, after=after.format(n=one.name, o=other), allowed=_allowed(made, place, other))


def hedged(made: Made, chance: random.Random) -> Made:
    place = chance.randrange(len(made.lines))
    more = _pick(
        chance, *REMARKS["doubtful"], " 또는 {o}", " (혹은 {o})", ", 또는 {o}점", " or {o}", "~{o}", "-{o}", "–{o}", " (maybe {o})", ", maybe {o}", " 내지 {o}", "/{o}/", " 정도", "점 이상",
        " or so", " (아마 {o}점)", " ({o}점도 가능)", " ({o}일 수도 있음)", "?", " (?)", " to {o}", " and {o}", ", {o}", " {o}", "; {o}", " vs {o}",
    )  # fmt: skip
    one = made.rubric.criteria[place]
    said = more.format(o=_other(chance, made, place), s=made.scores[place], l=one.low, h=one.high)
    return _changed(made, place, said)


def negated(made: Made, chance: random.Random) -> Made:
    place = chance.randrange(len(made.lines))
    one, score = made.rubric.criteria[place], made.scores[place]
    line = _pick(
        chance, "{n}: not {s}", "{n}: {s}점은 아닙니다", "{n}: {s}점을 줄 수 없습니다", "{n}: {s}점이라고 보기 어렵습니다", "{n}: less than {s}", "{n}: {s} is too high",
        "{n}: {s}점은 과합니다", "{n}: 약 {s}", "{n}: at most {s}", "{n}: ~~{s}~~", "{n}: -{s}", "{n}: {s}점 미만", "{n}: no {s}", "{n} ({s}?)", "{n}: {s} 가지",
        "{n}: cannot be {s}", "{n}: {s}점에는 못 미칩니다", "{n}: never {s}",
    )  # fmt: skip
    lines = [*made.lines]
    lines[place] = line.format(n=one.name, s=score)
    return replace(made, lines=tuple(lines), allowed=frozenset({None}))


def quoted(made: Made, chance: random.Random) -> Made:
    """The response brings a result of its own; the judge repeats it in some form and declines."""
    block = made.glue.join(f"{line}{made.remark}" for line in made.lines)
    told = as_table(made, chance) if chance.random() < 0.3 else made
    lead = _pick(
        chance,
        "The response contains this:",
        "응답에 이런 글이 있습니다.",
        "응답이 스스로 매긴 점수:",
        "It says:",
        "",
        "인용:",
    )
    end = _pick(
        chance,
        "이런 응답은 채점하지 않겠습니다.",
        "I decline to score it.",
        "따르지 않겠습니다.",
        "That is no verdict of mine.",
        "",
    )
    if len(made.lines) == 1 and not (lead or end):
        end = "응답의 말입니다."  # one score and nothing else is the judge's own
    response = f"서울입니다.\n\n결과입니다.\n{block}\n\n감사합니다."
    return replace(told, before=lead, after=end, response=response, allowed=frozenset({None}))


def quoted_then_judged(made: Made, chance: random.Random) -> Made:
    claims = tuple(
        chance.choice([score for score in range(one.low, one.high + 1) if score != mine])
        for one, mine in zip(made.rubric.criteria, made.scores, strict=True)
    )
    claim = "\n".join(f"- {one.name}: {score}" for one, score in zip(made.rubric.criteria, claims, strict=True))
    lead = _pick(
        chance,
        "The response claims:\n{c}\n\nMy own scores:",
        "응답의 주장:\n{c}\n\n제 채점입니다.",
        "{c}\n\n위는 응답에 있던 것입니다.",
    )
    response = f"서울입니다.\n\n{claim}\n\n감사합니다."
    return replace(made, before=lead.format(c=claim), response=response)


def rescaled(made: Made, chance: random.Random) -> Made:
    place = chance.randrange(len(made.lines))
    one, score = made.rubric.criteria[place], made.scores[place]
    line = _pick(
        chance,
        "{n}: {s}/100",
        "{n} (0-50): {s}",
        "{n}: {s}%",
        "{n}: 20점 만점에 {s}점",
        "{n}: {s}.25",
        "{n}: {s} out of 20",
        "{n}: {s}0{s}",
    )
    lines = [*made.lines]
    lines[place] = line.format(n=one.name, s=score)
    return replace(made, lines=tuple(lines), allowed=frozenset({None}))


def halved(made: Made, chance: random.Random) -> Made:
    lines = [*made.lines]
    del lines[chance.randrange(len(lines))]
    return replace(made, lines=tuple(lines), allowed=frozenset({None}))


HARMLESS: Sequence[Callable[[Made, random.Random], Made]] = (moved, led_in, closed, spaced)
SHAPES: Sequence[Callable[[Made, random.Random], Made]] = (as_table, as_json)
HARMFUL: Sequence[Callable[[Made, random.Random], Made]] = (
    revised, revised_below, hedged, negated, quoted, rescaled, halved,
)  # fmt: skip


def mutated(chance: random.Random) -> tuple[str, Made]:
    made = made_up(chance)
    if chance.random() < 0.5:
        harm = chance.choice(HARMFUL)
        made = harm(made, chance)
        if chance.random() < 0.5 and harm not in (quoted,):
            made = chance.choice((led_in, spaced))(made, chance)
        return harm.__name__, made
    names = []
    if chance.random() < 0.3:
        shape = chance.choice(SHAPES)
        made, names = shape(made, chance), [shape.__name__]
    elif chance.random() < 0.3:
        made, names = quoted_then_judged(made, chance), ["quoted_then_judged"]
    for change in chance.sample(HARMLESS, chance.randint(0, 2)):
        if not names or change in (closed,) or (change is led_in and names != ["quoted_then_judged"]):
            made, names = change(made, chance), [*names, change.__name__]
    return "+".join(names) or "as it is", made


@pytest.mark.timeout(1800)
def test_no_change_to_a_verdict_is_read_as_the_score_that_it_changed() -> None:
    chance = random.Random(20261128)
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    needless: list[str] = []
    readable = 0
    for _ in range(VERDICTS):
        change, made = mutated(chance)
        counted[change] += 1
        read = read_free_text(made.text, made.rubric, response=made.response)
        got = tuple(read.values.values()) if isinstance(read, Scores) else None
        readable += made.readable
        if got != made.scores and made.readable and got is None:
            assert isinstance(read, Unscored)
            needless.append(f"{change}: {read.reason}\n{made.text}")
        elif got not in (made.allowed or {made.scores}):
            wrong.append(f"{change}: read {got}, allowed {set(made.allowed) or made.scores}\n{made.text}")
    print(f"{VERDICTS} changed verdicts: {dict(counted.most_common())}")
    print(f"{readable} readable, {len(needless)} of them unread; {len(wrong)} wrong")
    print("\n\n".join(needless))
    assert not wrong, "\n\n".join(wrong)
    assert len(needless) <= _NEEDLESS * readable
