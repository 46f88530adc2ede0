"""What is said of a study, in the shell and on the screen: where its stages stand, what came of them, what it found."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import safe_line
from kullm_tui.studies.running import Standing
from kullm_tui.studies.stages import Plan, Stage, kind_text

SIGNS: Mapping[Standing, str] = {
    "kept": "✓",
    "done": "✓",
    "begun": "…",
    "at work": "…",
    "failed": "✗",
    "stopped": "‖",
    "waits": "·",
}


def standing_text(standing: Standing) -> str:
    return {
        "kept": say("전에 해 둠", "done before"),
        "done": say("끝남", "done"),
        "begun": say("시작함", "begun"),
        "at work": say("하는 중", "at work"),
        "failed": say("실패", "failed"),
        "stopped": say("멈춤", "stopped"),
        "waits": say("기다림", "waits"),
    }[standing]


def branches(plan: Plan) -> Iterator[tuple[str, Sequence[Stage]]]:
    """The tree: what a kind of stage is called, and the stages of that kind that follow each other."""
    for kind, stages in groupby(plan.stages, lambda one: one.kind):
        yield kind_text(kind), tuple(stages)


def heading(plan: Plan) -> str:
    return f"{plan.study.name}: {plan.study.told}"


def outcome_text(stage: Stage, result: Mapping[str, Any]) -> str:
    """What a stage that is done has made, from what its command printed; empty where there is nothing to say."""
    if stage.kind == "sources" and "to_pay" in result:
        return _to_translate(result)
    if stage.kind == "mixtures":
        made = ((safe_line(str(one["name"])), one["rows"]) for one in result.get("outputs", ()))
        return " · ".join(say(f"{name} {rows:,}행", f"{name} {rows:,} rows") for name, rows in made)
    if stage.kind == "training":
        return safe_line(str(result.get("name", "")))
    if stage.kind == "answers":
        count = sum(dict(result.get("answers", {})).values())
        return say(f"답 {count:,}개", f"{count:,} answers")
    if stage.kind == "scores" and result.get("run"):
        return say(f"평가 {result['run']}번", f"evaluation {result['run']}")
    return ""


def _to_translate(result: Mapping[str, Any]) -> str:
    if not result["to_pay"]:
        return say("번역할 것이 없어요.", "There is nothing to translate.")
    dollars = result.get("dollars")
    price = say("값을 몰라요", "price unknown") if dollars is None else money(dollars)
    return say(f"번역할 글 {result['to_pay']:,}자, {price}", f"{result['to_pay']:,} characters to translate, {price}")


def headline(grader: Mapping[str, Any]) -> list[list[str]]:
    """Of one grader's table, as `numbers.json` has it: each model by the last criterion, with its interval, and on how many answers."""
    rows = [[say("모델", "model"), _last_criterion(grader), say("95 % 구간", "95 % interval"), "n"]]
    for name, row in grader["rows"].items():
        mean, low, high = row.get(rows[0][1], (None, None, None))
        known = mean is not None
        rows.append([name, f"{mean:.3f}" if known else "–", f"{low:.3f}–{high:.3f}" if known else "", f"{row['n']:,}"])
    return rows


def _last_criterion(grader: Mapping[str, Any]) -> str:
    """Which the pairs are tested by too; a model without scores has none."""
    return next((name for row in grader["rows"].values() for name in reversed(row) if name != "n"), "")


def report_text(file: object) -> str:
    return say(f"보고서: {file}", f"report: {file}")
