"""What is said of a plan beside its form."""

from __future__ import annotations

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.gauge import bar
from trainer.estimate.figures import Figure
from trainer.estimate.fit import Change
from trainer.jobs.live import Live
from trainer.jobs.outlook import Outlook
from trainer.jobs.plan_text import (
    base_text,
    basis_text,
    billions,
    environment_text,
    memory_text,
    price_text,
    trained_text,
)
from trainer.jobs.text import time_text
from trainer.recipe import Recipe
from trainer.recipe_fields import field_named

_BAR_CELLS = 20
_LABEL_CELLS = 10
_TIGHT = 0.9


def plan_lines(outlook: Outlook, *, roomy: bool) -> list[Content]:
    """`roomy`: each part of the memory on a line of its own, and where the figures come from."""
    plan, duration = outlook.plan, outlook.plan.duration
    lines = [Content(safe_line(trained_text(plan))).stylize("bold"), memory_line(outlook)]
    if roomy:
        lines += [_part_line(name, figure) for name, figure in plan.fit.memory.parts.items()]
    lines += _fit_lines(outlook)
    rows = say(
        f"{plan.lengths.rows:,}행 × 평균 {plan.lengths.mean:.0f}토큰",
        f"{plan.lengths.rows:,} rows of {plan.lengths.mean:.0f} tokens",
    )
    lines.append(_line(say("데이터", "data"), rows, basis_text(plan.lengths.basis)))
    lines.append(
        _line(
            say("학습", "work"),
            say(
                f"{billions(plan.tokens.value)} 토큰, {plan.steps:,}단계",
                f"{billions(plan.tokens.value)} tokens, {plan.steps:,} steps",
            ),
            "",
        )
    )
    speed = say(f"{duration.tokens_per_second.value:,.0f}토큰/초", f"{duration.tokens_per_second.value:,.0f} tokens/s")
    lines.append(_line(say("시간", "time"), f"{time_text(outlook.seconds)} · {speed}", _basis(outlook)))
    if roomy:
        disk = sum(figure.value for figure in plan.disk.values())
        lines.append(_line(say("디스크", "disk"), size_text(disk), ""))
    return [*lines, *_machine_lines(outlook)]


def _part_line(name: str, figure: Figure) -> Content:
    basis = basis_text(figure.basis)
    return Content.assemble(f"  {size_text(figure.value).rjust(8)}  {memory_text(name)}", (f"  {basis}", "$quiet"))


def memory_line(outlook: Outlook) -> Content:
    """Of a GPU, or of this computer's memory, as a bar."""
    need, have = outlook.plan.fit.memory.total, outlook.plan.machine.memory_bytes
    share = need / have if have else 1.0
    colour = "$error" if share > 1 else "$warning" if share > _TIGHT else "$accent"
    return Content.assemble(
        (_label(say("메모리", "memory")), "$quiet"),
        "▕",
        (bar(min(1.0, share), _BAR_CELLS), colour),
        "▏ ",
        f"{size_text(need)} / {size_text(have)}",
        (_each(outlook), "$quiet"),
    )


def change_text(change: Change, asked: Recipe) -> str:
    """`마이크로배치 토큰 4096 → 2048`."""
    parts = []
    for setting in change.settings:
        key, _, value = setting.partition("=")
        field = field_named(key)
        parts.append(f"{field.label} {field.text(asked)} → {value}" if field else setting)
    return " + ".join(parts)


def _fit_lines(outlook: Outlook) -> list[Content]:
    advice = outlook.plan.fit.advice
    if outlook.plan.fit.fits:
        return []
    lines = [Content.styled(say("메모리에 들어가지 않아요.", "It does not fit into the memory."), "$error")]
    if outlook.change:
        way = (
            say("이것만 바꾸면", "With this alone")
            if outlook.change.single
            else say("이 둘을 바꾸면", "With these two")
        )
        lines.append(
            Content.assemble(
                say(f"F2  {way} 들어가요: ", f"F2  {way} it fits: "),
                (change_text(outlook.change, outlook.plan.asked), "$accent"),
            )
        )
    else:
        lines.append(Content(say("설정 둘을 바꾸어도 들어가지 않아요.", "No two settings make it fit.")))
    if advice.card:
        lines.append(
            Content.styled(
                say(f"그대로 두려면 {advice.card}가 필요해요.", f"As it is, it takes {advice.card}."), "$quiet"
            )
        )
    return lines


def _machine_lines(outlook: Outlook) -> list[Content]:
    """What a machine elsewhere adds: the price, what travels, what is there."""
    found = outlook.found
    if found is None:
        return [] if outlook.is_whole else [Content.styled(_waiting(outlook), "$quiet")]
    if found.facts is None:
        return [Content.styled(safe_line(found.unreached.splitlines()[0]), "$warning")]
    total = size_text(found.payload.bytes)
    return [
        _line(say("가격", "price"), price_text(found), ""),
        _line(say("올릴 것", "upload"), size_text(found.upload), say(f"모두 {total}", f"of {total}")),
        _line(say("베이스", "base"), base_text(found), ""),
        _line(say("환경", "packages"), environment_text(found), ""),
    ]


def _waiting(outlook: Outlook) -> str:
    if outlook.machine:
        machine = outlook.machine
        return say(f"{machine}에 물어보는 중 …", f"asking {machine} …")
    return say("이 컴퓨터의 속도를 재는 중 … (처음 한 번)", "measuring this machine … (once)")


def _basis(outlook: Outlook) -> str:
    return basis_text(outlook.plan.duration.seconds.basis)


def _each(outlook: Outlook) -> str:
    """How many GPUs need that, each."""
    machine = outlook.plan.machine
    return f" × {machine.count}" if machine.count > 1 else ""


def _label(text: str) -> str:
    content = Content(text)
    return text + " " * max(1, _LABEL_CELLS - content.cell_length)


def _line(label: str, text: str, basis: str) -> Content:
    return Content.assemble((_label(label), "$quiet"), text, (f"  {basis}" if basis else "", "$quiet"))


def no_cards_line(live: Live, *, is_here: bool) -> Content:
    """Of a machine without cards."""
    if not is_here:
        return Content(
            say(f"GPU 없음 · 디스크 {size_text(live.free)} 비어 있음", f"no GPU · {size_text(live.free)} of disk free")
        )
    from kullm_tui.core.memory import free_host_memory, host_total
    from trainer.estimate.machines import usable_cores

    free, total = free_host_memory(), size_text(host_total())
    room = say(f" · 빈 메모리 {size_text(free)} / {total}", f" · {size_text(free)} of {total} free") if free else ""
    cores = usable_cores()
    return Content(say(f"GPU 없음 · 코어 {cores}개{room}", f"no GPU · {cores} cores{room}"))
