"""The card of a finished set: where the rows come from and under which licence, what every step did with them, and what they are like.

It says nothing of when or where it was built, so that the same manifest gives the same card.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.builder.stage import Counts
from data.output.files import Written
from data.output.statistics import Spread, Statistics

_BAR = 40  # characters of the longest bar


@dataclass(frozen=True)
class CardSource:
    name: str
    title: str
    address: str
    revision: str
    licence: str
    terms: str  # what may be done with it


@dataclass(frozen=True)
class CardStep:
    source: str  # empty: all of them
    step: str
    counts: Counts
    stage: str  # where its rows lie, those that it rejected among them


@dataclass(frozen=True)
class CardOutput:
    name: str
    files: Sequence[Written]
    statistics: Statistics


@dataclass(frozen=True)
class Card:
    name: str
    summary: str
    licence: str
    sources: Sequence[CardSource]
    steps: Sequence[CardStep]
    outputs: Sequence[CardOutput]
    translator: str  # empty: nothing was translated
    manifest: str


def card_text(card: Card) -> str:
    parts = [_head(card), f"# {card.name}\n\n{card.summary}", _sources(card), _steps(card.steps)]
    parts += [_output(one) for one in card.outputs]
    parts.append(f"## 만든 방법\n\n```toml\n{card.manifest.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def _head(card: Card) -> str:
    """What the Hub reads."""
    rows = max((one.statistics.all_rows for one in card.outputs), default=0)
    configs = [f"- config_name: {one.name}\n  data_files: {one.name}.parquet" for one in card.outputs]
    lines = [
        "---",
        "language:\n- ko",
        f"license: {card.licence}",
        "task_categories:\n- text-generation",
        f"size_categories:\n- {_size(rows)}",
        "configs:",
        *configs,
        "---",
    ]
    return "\n".join(lines)


def _size(rows: int) -> str:
    for below, name in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")):
        if rows < below:
            return name
    return "1M<n<10M" if rows < 10**7 else "n>10M"


def _sources(card: Card) -> str:
    rows = [
        (one.name, f"[{one.title}]({one.address})" if one.address else one.title, one.revision, one.licence, one.terms)
        for one in card.sources
    ]
    translated = f"\n\n번역: {card.translator}" if card.translator else ""
    return "## 출처와 라이선스\n\n" + _table(("소스", "이름", "판", "라이선스", "할 수 있는 일"), rows) + translated


def _steps(steps: Sequence[CardStep]) -> str:
    rows = [
        (one.source or "전체", one.step, f"{one.counts.seen:,}", f"{one.counts.kept:,}", _reasons(one.counts.rejected))
        for one in steps
    ]
    return "## 단계\n\n" + _table(("소스", "단계", "들어온 행", "남은 행", "빠진 까닭"), rows)


def _reasons(rejected: Mapping[str, int]) -> str:
    return ", ".join(
        f"{reason} {count:,}" for reason, count in sorted(rejected.items(), key=lambda one: (-one[1], one[0]))
    )


def _output(output: CardOutput) -> str:
    counted = output.statistics
    by_source = _table(("소스", "행"), [(name, f"{rows:,}") for name, rows in counted.rows.items()])
    spreads = _table(
        ("글", "개수", "글자", "평균", "중앙값", "95 %"),
        [_spread_row("질문", counted.asked), _spread_row("답변", counted.answered)],
    )
    files = _table(
        ("파일", "행", "SHA-256"), [(one.path.name, f"{one.rows:,}", f"`{one.sha256}`") for one in output.files]
    )
    return "\n\n".join((f"## {output.name}", by_source, spreads, _bars(counted.answered), files))


def _spread_row(name: str, spread: Spread) -> tuple[str, ...]:
    mean, median, most = f"{spread.mean:,.0f}", f"{spread.quantile(0.5):,}", f"{spread.quantile(0.95):,}"
    return (name, f"{spread.texts:,}", f"{spread.characters:,}", mean, median, most)


def _bars(spread: Spread) -> str:
    """The lengths of the answers, as a figure that every reader of Markdown shows."""
    counted = spread.histogram
    most = max((count for _, count in counted), default=0) or 1
    lines = [f"{edge:>6,}자부터  {'█' * round(_BAR * count / most)} {count:,}" for edge, count in counted]
    return "답변의 길이\n\n```\n" + "\n".join(lines) + "\n```"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )


def facts_text(card: Card) -> str:
    """The same for programs."""
    told = {
        "name": card.name,
        "sources": [vars(one) for one in card.sources],
        "steps": [
            {
                "source": one.source,
                "step": one.step,
                "kept": one.counts.kept,
                "rejected": dict(sorted(one.counts.rejected.items())),
                "stage": one.stage,
            }
            for one in card.steps
        ],
        "outputs": [
            {
                "name": one.name,
                "rows": one.statistics.all_rows,
                "by_source": dict(one.statistics.rows),
                "files": [{"name": file.path.name, "rows": file.rows, "sha256": file.sha256} for file in one.files],
            }
            for one in card.outputs
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
