"""The card of an adapter as a person reads it: what it was trained on, from which conversations, by which recipe, and what it changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import Adapter, card_of

Line = tuple[str, str]


def card_lines(adapter: Adapter) -> list[Line]:
    """A label and a text each; what nobody knows is not in it."""
    card = card_of(adapter)
    lines = [
        (say("어댑터", "adapter"), f"{adapter.name} ({adapter.method})"),
        (say("베이스", "base"), adapter.base),
        (say("템플릿", "template"), adapter.template),
        (
            say("레시피", "recipe"),
            " ".join(filter(None, (str(card.get("recipe") or adapter.recipe), _short(card.get("recipe_sha256"))))),
        ),  # fmt: skip
        (say("데이터", "data"), " ".join(filter(None, (_listed(card.get("data")), _short(card.get("data_sha256")))))),
        *_taught(_table(card.get("feedback"))),
        (say("학습한 곳", "trained on"), " · ".join(filter(None, (str(card.get("hardware") or ""), _hours(card))))),
        (say("학습", "job"), str(card.get("job") or adapter.run)),
    ]
    return [*(line for line in lines if line[1].strip()), *_found(card.get("before_after"))]


def _listed(told: Any) -> str:
    return ", ".join(map(str, told)) if isinstance(told, list) else str(told or "")


def _taught(facts: Mapping[str, Any]) -> Iterator[Line]:
    """Of one that its user's feedback taught."""
    if not facts:
        return
    counts = facts.get("kinds") or {}
    said = ", ".join(f"{_kind(name)} {count}" for name, count in counts.items())
    pairs, rows = facts.get("pairs", 0), facts.get("rows", 0)
    sums = say(f"쌍 {pairs}개, 답만 있는 행 {rows}개", f"{pairs} pairs, {rows} rows with an answer alone")
    yield say("피드백", "feedback"), f"{said} → {sums}" if said else sums
    yield say("대화", "conversations"), ", ".join(str(one) for one in facts.get("conversations") or ())
    replay = _table(facts.get("replay"))
    if replay.get("rows"):
        yield say("다시 배운 행", "rows learnt again"), f"{replay['rows']} ({replay.get('source')})"
    yield say("떼어 둔 질문", "held out"), str(facts.get("held_out") or "")


def _kind(name: str) -> str:
    return {
        "correction": say("고친 답", "corrections"),
        "kept": say("좋은 답", "kept replies"),
        "vote": say("투표", "votes"),
        "verdict": say("채점", "verdicts"),
    }.get(name, name)


def _found(results: object) -> Iterator[Line]:
    for one in results if isinstance(results, list) else ():
        for part in one.get("parts", ()):
            yield say(f"전: {one['before']}", f"against {one['before']}"), part_text(part)


def part_text(part: Mapping[str, Any]) -> str:
    """One set of questions in a line."""
    texts = [f"{part['set']} (n = {part['n']})"]
    if right := part.get("right"):
        was, now, kept = right["before"], right["after"], right["kept"]
        texts.append(say(f"맞음 {was}→{now}, 그대로 맞음 {kept}/{was}", f"right {was}→{now}, still right {kept}/{was}"))
    texts.append(
        say(f"나아짐 {part['better']}, 나빠짐 {part['worse']}", f"{part['better']} better, {part['worse']} worse")
    )
    if "p" in part:
        texts.append(f"{part['mean']:+.3f} [{part['low']:+.3f}, {part['high']:+.3f}], p = {part['p']:.4f}")
    return " · ".join(texts)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(digest: object) -> str:
    return f"sha256:{digest[:12]}" if isinstance(digest, str) else ""


def _hours(card: Mapping[str, Any]) -> str:
    seconds = _table(card.get("seconds")).get("actual")
    return say(f"{seconds:,.0f}초", f"{seconds:,.0f} s") if isinstance(seconds, int | float) else ""
