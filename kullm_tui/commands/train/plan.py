"""`kullm train RECIPE --plan`: what a run will take, as a table for a person."""

from collections.abc import Iterable

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text, terminal_safe
from trainer.estimate.estimate import Plan
from trainer.estimate.figures import Figure
from trainer.estimate.fit import Advice
from trainer.jobs.plan_text import basis_text, billions, disk_text, memory_text, trained_text
from trainer.jobs.text import time_text

_Row = tuple[str, str, str]


def show_plan(plan: Plan) -> None:
    for line in plan_lines(plan):
        print(terminal_safe(line))


def plan_lines(plan: Plan) -> list[str]:
    memory = [(memory_text(name), size_text(figure.value), basis_text(figure.basis)) for name, figure in _of(plan)]
    disk = [(disk_text(name), size_text(figure.value), basis_text(figure.basis)) for name, figure in plan.disk.items()]
    rows: list[_Row] = [*memory, _total(plan), ("", "", ""), *_work(plan), ("", "", ""), *disk]
    table = iter(aligned([list(row) for row in rows], right=[1]))
    return [
        _title(plan),
        "",
        _heading(plan),
        *_indented(next(table) for _ in range(len(memory) + 1)),
        _verdict(plan),
        next(table),
        say("작업", "work"),
        *_indented(next(table) for _ in _work(plan)),
        next(table),
        say("디스크", "disk"),
        *_indented(table),
    ]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _title(plan: Plan) -> str:
    return f"{plan.recipe.name}: {trained_text(plan)}"


def _heading(plan: Plan) -> str:
    each = say(" (프로세스마다)", " (each rank)") if plan.machine.is_cpu else say(" (한 장마다)", " (each card)")
    each = each if plan.machine.count > 1 else ""
    return say(f"메모리, {plan.machine.name}{each}", f"memory, {plan.machine.name}{each}")


def _of(plan: Plan) -> Iterable[tuple[str, Figure]]:
    return plan.fit.memory.parts.items()


def _total(plan: Plan) -> _Row:
    both = f"{size_text(plan.fit.memory.total)} / {size_text(plan.machine.memory_bytes)}"
    return (say("합계 / 사용 가능", "in all / there is"), both, "")


def _verdict(plan: Plan) -> str:
    if plan.fit.fits:
        return say("  → 들어가요.", "  → it fits.")
    lines = [say("  → 들어가지 않아요.", "  → it does not fit.")]
    lines += [f"    {line}" for line in advice_lines(plan.fit.advice)]
    return "\n".join(lines)


def advice_lines(advice: Advice) -> list[str]:
    """What would make it fit: each change alone, the mildest first; or the pair; and the card that would do."""
    changes = advice.changes
    settings = [" ".join(f"--set {setting}" for setting in change.settings) for change in changes]
    lines = []
    if changes and changes[0].single:
        lines.append(say(f"이것만 바꾸면 들어가요: {settings[0]}", f"this alone makes it fit: {settings[0]}"))
        lines += [say(f"또는: {other}", f"or: {other}") for other in settings[1:]]
    elif changes:
        lines.append(
            say(
                f"하나만 바꾸어서는 안 되고, 둘이면 들어가요: {settings[0]}",
                f"no single setting is enough; these two are: {settings[0]}",
            )
        )
    else:
        lines.append(say("설정 둘을 바꾸어도 들어가지 않아요.", "No two settings make it fit."))
    if advice.card:
        card = advice.card
        lines.append(say(f"설정을 그대로 두려면: --on {card}", f"with the settings as they are: --on {card}"))
    return lines


def _work(plan: Plan) -> list[_Row]:
    lengths, duration = plan.lengths, plan.duration
    each = say("행", "rows")
    return [
        (
            say("데이터", "data"),
            f"{lengths.rows:,} {each}",
            say(
                f"평균 {lengths.mean:.0f}토큰, {basis_text(lengths.basis)}",
                f"{lengths.mean:.0f} tokens each, {basis_text(lengths.basis)}",
            ),
        ),
        (say("학습할 토큰", "tokens to train"), billions(plan.tokens.value), basis_text(plan.tokens.basis)),
        (
            say("단계", "steps"),
            f"{plan.steps:,}",
            _bound(plan)
            + _epochs(plan)
            + say(
                f"한 단계에 {plan.recipe.train.batch}행, 마이크로배치 {plan.fullest_tokens:,}토큰까지",
                f"{plan.recipe.train.batch} rows a step, micro-batches of up to {plan.fullest_tokens:,} tokens",
            ),
        ),
        *_precision(plan),
        (
            say("속도", "speed"),
            say(f"{duration.tokens_per_second.value:,.0f}토큰/초", f"{duration.tokens_per_second.value:,.0f} tokens/s"),
            basis_text(duration.tokens_per_second.basis),
        ),
        (say("걸리는 시간", "time"), time_text(duration.seconds.value), basis_text(duration.seconds.basis)),
    ]


def _bound(plan: Plan) -> str:
    minutes = plan.asked.train.minutes
    return say(f"{minutes:g}분에 맞춤, ", f"made for {minutes:g} min, ") if minutes else ""


def _epochs(plan: Plan) -> str:
    """Nothing where something else bounds the steps."""
    train = plan.asked.train
    if train.minutes or train.max_steps:
        return ""
    return say(f"{train.epochs:g}에포크, ", f"{train.epochs:g} epochs, ")


def _precision(plan: Plan) -> list[_Row]:
    """What `auto` became; nothing where the recipe says it."""
    if plan.asked.model.precision != "auto":
        return []
    measured = plan.duration.tokens_per_second.basis == "measured"
    why = say("이 컴퓨터에서 더 빠름, ", "the faster one here, ") if measured else ""
    return [(say("정밀도", "precision"), plan.recipe.model.precision, why + basis_text(plan.duration.seconds.basis))]
