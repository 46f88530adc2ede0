"""Where a report's numbers come from: all that another person needs to get them again, and to see what they rest on.

Versions, hashes of the questions and the rubric, each system's template and decoding, the judge as it was asked and as it answered,
when, and for how much. It reads what is kept and asks nobody.
"""

import platform
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evaluator.cost import price_of
from evaluator.evaluation import Evaluation, evaluation_items
from evaluator.unread import last_repeat
from evaluator.verdicts import VerdictStore
from kullm_tui import __version__
from kullm_tui.core.language import say

_SHORT = 12  # hexadecimal digits, enough to compare by eye; JSON has them whole


def provenance(evaluation: Evaluation, store: VerdictStore, number: int) -> dict[str, Any]:
    rubric, questions = evaluation.rubric, evaluation.questions
    return {
        "kullm": __version__,
        "python": platform.python_version(),
        "written": _when(datetime.now(UTC).timestamp()),
        "run": number,
        "questions": {
            "name": questions.name,
            "asked_for": evaluation.set_name,
            "items": len(questions.questions),
            "sha256": questions.sha256,
        },
        "rubric": {"name": rubric.name, "source": rubric.source, "sha256": rubric.sha256},
        "judge": _judge(evaluation, store) if evaluation.judge.model else None,
        "systems": [{"name": one.name, **one.source} for one in evaluation.systems],
    }


def provenance_lines(facts: Mapping[str, Any]) -> list[str]:
    """The same for a reader, in Markdown."""
    questions, rubric, judge = facts["questions"], facts["rubric"], facts["judge"]
    lines = [
        f"kullm {facts['kullm']}, Python {facts['python']}, {facts['written']}, {say('평가', 'evaluation')} {facts['run']}",
        f"{say('질문', 'questions')}: {questions['name']}, {questions['items']}, sha256 {_short(questions['sha256'])}",
        f"{say('채점 기준', 'rubric')}: {rubric['name']}, sha256 {_short(rubric['sha256'])}, {rubric['source']}",
        *(_judge_lines(judge) if judge else []),
        *(f"{one['name']}: {_system_words(one)}" for one in facts["systems"]),
    ]
    return [f"## {say('출처', 'Provenance')}", "", *(f"- {' '.join(line.split())}" for line in lines)]


def _judge(evaluation: Evaluation, store: VerdictStore) -> dict[str, Any]:
    judge, price = evaluation.judge, price_of(evaluation.judge)
    rounds = range(last_repeat(store, judge, evaluation.rubric) + 1)
    items = evaluation_items(evaluation, store)
    keys = {judge.key(evaluation.rubric, item, repeat) for item in items for repeat in rounds}
    rows = store.rows("verdicts", ("created", "cost", "model", "fingerprint"), sorted(keys))
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    return {
        "model": judge.model,
        "address": judge.endpoint.base_url,
        "mode": judge.mode,
        "parameters": dict(judge.parameters),
        "answered_by": dict(Counter(row["model"] for row in rows if row["model"])),
        "fingerprints": dict(Counter(row["fingerprint"] for row in rows if row["fingerprint"])),
        "verdicts": len(rows),
        "first": _when(min(row["created"] for row in rows)) if rows else None,
        "last": _when(max(row["created"] for row in rows)) if rows else None,
        "dollars": sum(costs),
        "without_price": len(rows) - len(costs),
        "imported": [
            {"file": file, "sha256": digest, "verdicts": count}
            for (file, digest), count in sorted(Counter(store.imports(keys).values()).items())
        ],
        "price": None if price is None else {"input": price.input, "output": price.output, "as_of": price.as_of},
    }


def _judge_lines(judge: Mapping[str, Any]) -> list[str]:
    answered = ", ".join(f"{name} × {count}" for name, count in judge["answered_by"].items())
    price = judge["price"]
    listed = say("가격 모름", "price unknown")
    if price:
        listed = f"${price['input']:g}/${price['output']:g} / 1M" + (f" ({price['as_of']})" if price["as_of"] else "")
    return [
        f"{say('채점자', 'judge')}: {judge['model']} ({answered}), {judge['address']}, {judge['mode']}, {_words(judge['parameters'])}",
        say(
            f"채점 {judge['verdicts']:,}개, {judge['first']} – {judge['last']}, ${judge['dollars']:.4f}, {listed}",
            f"{judge['verdicts']:,} verdicts, {judge['first']} – {judge['last']}, ${judge['dollars']:.4f}, {listed}",
        ),
        *map(_import_words, judge["imported"]),
    ]


def _import_words(one: Mapping[str, Any]) -> str:
    count, file, digest = f"{one['verdicts']:,}", one["file"], _short(one["sha256"])
    return say(
        f"그중 {count}개는 {file}에서 가져왔어요(sha256 {digest}). 그때의 채점 설정과 가격은 몰라요",
        f"{count} of them imported from {file} (sha256 {digest}); how that judge was asked, and its price, are not known",
    )


def _system_words(system: Mapping[str, Any]) -> str:
    """Template and decoding first; what else decides its answers behind them."""
    if "file" in system:
        return (
            say(f"가져온 답 {system['file']}", f"answers from {system['file']}")
            + f", sha256 {_short(system['sha256'])}"
        )
    decoding = _words(system.get("decoding") or {}) or say("모델의 기본값", "the model's defaults")
    template = system.get("template") or say("서버 기본값", "the server's")
    rest = {name: value for name, value in system.items() if name not in ("name", "template", "decoding")}
    return f"{say('양식', 'template')} {template}, {say('디코딩', 'decoding')} {decoding}, {_words(rest)}"


def _words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _short(digest: str) -> str:
    return f"{digest[:_SHORT]}…"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
