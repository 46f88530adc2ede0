"""What is said of a job on its page. Names that come from outside are made safe here."""

from collections.abc import Callable, Sequence
from datetime import datetime

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import size_text
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.gauge import bar
from trainer.jobs.agent import states
from trainer.jobs.alarms import Alarm
from trainer.jobs.differences import flat
from trainer.jobs.reckoning import Reckoning
from trainer.jobs.text import link_text, queue_text, reason_text, state_text, time_text
from trainer.jobs.watched import CardMoment, HostMoment, Look

_GOOD, _BAD = (states.RUNNING, states.SUCCEEDED), (states.FAILED, states.LOST, states.CANCEL_INCOMPLETE)
_SPARKS = "▁▂▃▄▅▆▇█"
_BAR, _LONG_BAR, _SPARK = 8, 20, 30
_HOT = 85  # degrees
_LABEL = 14
_NUMBER = 9


def joined(lines: Sequence[Content | str]) -> Content:
    return Content("\n").join(line if isinstance(line, Content) else Content(line) for line in lines)


def cell(text: str, cells: int, *, right: bool = False) -> Content:
    content = Content(text).truncate(cells, ellipsis=True)
    room = cells - content.cell_length
    return content.pad(room, 0) if right else content.pad(0, room)


# -- head --------------------------------------------------------------------------------------------------------------


def head_line(look: Look) -> Content:
    """Its name, where it runs, its state and, where it is elsewhere, whether its machine is heard."""
    job, name = look.standing.job, look.standing.state_name
    colour = "$error" if name in _BAD else "$success" if name in _GOOD else "$warning"
    parts = [
        Content.styled(safe_line(job.name or job.id), "bold"),
        Content.styled(safe_line(job.machine) or say("이 컴퓨터", "this machine"), "$quiet"),
        Content.styled(state_text(name), colour),
    ]
    if job.machine and not job.is_complete:
        link = job.link
        parts.append(Content.styled(link_text(link), "$quiet" if link.state == "LIVE" else "$warning"))
    why = why_text(look)
    return Content("  ").join([*parts, *([Content.styled(why, colour)] if why else [])])


def why_text(look: Look) -> str:
    state, name = look.standing.state, look.standing.state_name
    if name == states.QUEUED and isinstance(state.get("queue"), dict):
        return safe_line(queue_text(state["queue"]))
    if name in _BAD:
        return safe_line(reason_text(state))
    return look.silence


def progress_line(look: Look) -> Content:
    """How far it is, and when it will have ended on this computer's clock."""
    now = look.standing.progress
    share = min(1.0, now.step / now.steps) if now.steps else 0.0
    of = f"/{now.steps:,}" if now.steps else ""
    parts = [
        Content.assemble("▕", (bar(share, _LONG_BAR), "$accent"), "▏"),
        Content(say(f"{now.step:,}{of} 단계", f"step {now.step:,}{of}")),
        Content(f"{share:.0%}" if now.steps else ""),
        Content(say(f"남은 시간 {time_text(now.eta_s)}", f"{time_text(now.eta_s)} left") if now.eta_s else ""),
        Content.styled(say("읽는 중 …", "reading …") if look.more else "", "$quiet"),
    ]
    return Content("  ").join(part for part in parts if part.plain)


def number_lines(look: Look, width: int) -> list[Content]:
    """The numbers that one looks for first, each in a column of its own."""
    now, last = look.standing.progress, look.standing.job.last
    found = [
        (say("단계", "step"), f"{now.step:,}" if now.step else "-"),
        (say("손실", "loss"), "-" if now.loss is None else f"{now.loss:.4f}"),
        (say("평가 최저", "best eval"), best_text(look) or "-"),
        (say("토큰/초", "tokens/s"), "-" if now.tokens_per_s is None else f"{now.tokens_per_s:,.0f}"),
        (say("남은 시간", "time left"), time_text(now.eta_s) if now.eta_s else "-"),
    ]
    mfu = last.get("mfu")
    if isinstance(mfu, float):
        found.insert(4, ("MFU", f"{mfu:.1%}"))
    needed = [max(Content(text).cell_length + 1 for text in pair) for pair in found]
    even = [max(_NUMBER, cells) for cells in needed]  # so that a longer number moves no column
    widths = even if sum(even) <= width else needed
    gap = max(0, min(_NUMBER, (width - sum(widths)) // len(found)))
    names, values = (
        Content("").join(cell(pair[at], cells + gap) for pair, cells in zip(found, widths, strict=True))
        for at in (0, 1)
    )
    return [names.stylize("$quiet").truncate(width), values.stylize("bold").truncate(width)]


def best_text(look: Look) -> str:
    loss, step = look.best.get("eval_loss"), look.best.get("step")
    return f"{loss:.4f} @{step:,}" if isinstance(loss, float) and isinstance(step, int) else ""


# -- cards -------------------------------------------------------------------------------------------------------------


def spark(values: Sequence[float], cells: int, top: float = 100.0) -> str:
    """The newest at the right end."""
    last = values[-cells:]
    signs = (_SPARKS[max(0, min(len(_SPARKS) - 1, int(value / top * len(_SPARKS))))] for value in last)
    return "".join(signs)


def card_line(card: CardMoment, width: int) -> Content:
    """Use, memory, power, heat, and where there is room its use over the last minutes."""
    use = "-" if card.use is None else f"{card.use:.0f}%"
    share = min(1.0, card.mib / card.of) if card.of else 0.0
    hot = card.celsius is not None and card.celsius >= _HOT
    parts = [
        Content.assemble((f"GPU {card.index}", "bold"), f" {use:>4} ", *_gauge((card.use or 0.0) / 100, "$accent")),
        Content.assemble(f"{card.mib / 1024:.1f}/{card.of / 1024:.0f}GB ", *_gauge(share, "$secondary")),
        Content("" if card.watts is None else f"{card.watts:.0f}W"),
        Content.styled("" if card.celsius is None else f"{card.celsius:.0f}°C", "$error" if hot else ""),
    ]
    return _with_past(Content("  ").join(part for part in parts if part.plain), card.uses, width)


def _with_past(line: Content, uses: Sequence[float], width: int) -> Content:
    room = width - line.cell_length - 2
    if room < _SPARK // 2:
        return line
    return Content.assemble(line, "  ", (spark(uses, min(room, _SPARK)), "$accent"))


def _gauge(share: float, colour: str) -> tuple[Content | str | tuple[str, str], ...]:
    return "▕", (bar(min(1.0, share), _BAR), colour), "▏"


def card_lines(look: Look, width: int) -> list[Content]:
    """A card to each GPU: what it does now, what it did, and who is on it."""
    if not look.cards:
        words = say(
            "GPU 기록이 없어요. 학습이 프로세서에서 돌거나, 장비에 nvidia-smi가 없어요.",
            "Nothing is known of cards: it is trained on the processor, or its machine has no nvidia-smi.",
        )
        return [Content.styled(words, "$quiet"), Content(""), *host_lines(look, width)]
    where = look.standing.job.spec.get("machine")
    hardware = safe_line(str(where.get("hardware") or "")) if isinstance(where, dict) else ""
    head = [Content.styled(hardware, "$quiet"), Content("")] if hardware else []
    return [*head, *(line for card in look.cards for line in _card(card, width)), *host_lines(look, width)]


def host_lines(look: Look, width: int) -> list[Content]:
    """The machine itself; none where it did not tell."""
    host = look.host
    if host is None:
        return []
    return [host_line(host, 0), Content.assemble((spark(host.uses, max(8, width - 2)), "$accent"))]


def host_line(host: HostMoment, width: int) -> Content:
    """How busy its processor is, memory, swap, network, and where there is room the processor over the last minutes."""
    use = "-" if host.use is None else f"{host.use:.0f}%"
    share = min(1.0, host.mib / host.of) if host.of else 0.0
    parts = [
        Content.assemble(("CPU  ", "bold"), f" {use:>4} ", *_gauge((host.use or 0.0) / 100, "$accent")),
        Content.assemble(f"{host.mib / 1024:.1f}/{host.of / 1024:.0f}GB ", *_gauge(share, "$secondary")),
        Content(say("스왑", "swap") + f" {host.swap / 1024:.1f}GB" if host.swap >= 1 else ""),
        Content(_traffic(host)),
    ]
    return _with_past(Content("  ").join(part for part in parts if part.plain), host.uses, width)


def _traffic(host: HostMoment) -> str:
    told = ((sign, count) for sign, count in (("↓", host.received), ("↑", host.sent)) if count is not None)
    words = " ".join(f"{sign}{count / 1e6:.1f}" for sign, count in told)
    return f"{words} MB/s" if words else ""


def _card(card: CardMoment, width: int) -> list[Content]:
    who = [
        say(
            f"{safe_line(owner) or '다른 컨테이너'} {pid}번 {mib / 1024:.1f}GB",
            f"{safe_line(owner) or 'another container'} pid {pid} {mib / 1024:.1f} GB",
        )
        for owner, pid, mib in card.who
    ]
    past = Content.assemble((spark(card.uses, max(8, width - 2)), "$accent"))
    fan = "" if card.fan is None else say(f"팬 {card.fan:.0f}%", f"fan {card.fan:.0f}%")
    clock = "" if card.mhz is None else f"{card.mhz:,.0f}MHz"
    line = Content("  ").join([card_line(card, 0), *(Content(text) for text in (clock, fan) if text)])
    return [
        line,
        past,
        Content.styled(", ".join(who) or say("쓰는 프로세스 없음", "nobody on it"), "$quiet"),
        Content(""),
    ]


# -- what was reckoned, what went wrong ------------------------------------------------------------------------------------


def reckoning_lines(found: Reckoning, won: float | None) -> list[Content]:
    """Predicted beside actual, as far as either is known."""
    rows: list[tuple[str, str, str]] = [
        (
            say("메모리(프로세스 하나)", "memory, a process"),
            size_text(found.memory_predicted) if found.memory_predicted else "",
            size_text(found.memory_actual) if found.memory_actual else "",
        ),
        (
            say("걸리는 시간", "time"),
            time_text(found.seconds_predicted) if found.seconds_predicted else "",
            time_text(found.seconds_worked) + _in_all(found, time_text),
        ),
    ]
    if found.price_per_hour:
        price = found.price(found.seconds_predicted)
        spent = money(found.price(found.seconds_worked) or 0.0, won)
        in_all = _in_all(found, lambda seconds: money(found.price(seconds) or 0.0, won))
        rows.append((say("비용", "price"), "" if price is None else money(price, won), spent + in_all))
    names = ("", say("예상", "predicted"), say("실제", "actual"))
    return [
        _columns(names).stylize("$quiet"),
        *(_columns((name, one or "-", other or "-")) for name, one, other in rows),
    ]


def _in_all(found: Reckoning, form: Callable[[float], str]) -> str:
    seconds = found.seconds_in_all
    if not seconds or not found.seconds_left:
        return ""
    return say(f" (끝나면 {form(seconds)})", f" ({form(seconds)} when done)")


def _columns(texts: Sequence[str]) -> Content:
    cells = (2 * _LABEL - 6, 2 * _LABEL - 6)
    return Content("").join(
        [*(cell(text, width) for text, width in zip(texts, cells, strict=False)), Content(texts[-1])]
    )


def alarm_line(alarm: Alarm) -> Content:
    return Content.assemble(
        (f"{alarm.glyph} ", "$error"), (f"{alarm.where}  " if alarm.where else "", "$quiet"), alarm.text
    )


def alarm_lines(look: Look, most: int) -> list[Content]:
    """The newest last."""
    found = [alarm_line(one) for one in look.alarms[-most:]] if most > 0 else []
    if look.silence and most > 0:
        found = (
            [*found[-most + 1 :], alarm_line(Alarm("!", look.silence))]
            if most > 1
            else [alarm_line(Alarm("!", look.silence))]
        )
    return found


def recipe_lines(look: Look) -> list[Content]:
    """What it is trained with, a field a line."""
    spec = look.standing.job.spec
    told = spec.get("asked") or spec.get("recipe")
    found = flat(told if isinstance(told, dict) else {})
    return [
        Content.assemble(cell(safe_line(place), 2 * _LABEL), safe_line(str(value)))
        for place, value in found.items()
        if value not in ("", [], {})
    ]


def malformed_text(look: Look) -> str:
    count = look.malformed
    if not count:
        return ""
    return say(f"읽지 못한 줄 {count:,}개는 뺐어요.", f"{count:,} lines that could not be read are left out.")


def ends_text(look: Look, now: datetime) -> str:
    """On this computer's clock."""
    left = look.standing.progress.eta_s
    if not left:
        return ""
    ends = datetime.fromtimestamp(now.timestamp() + left)
    day = "" if ends.date() == now.date() else say(f"{ends.month}월 {ends.day}일 ", f"{ends:%b} {ends.day}, ")
    return say(f"끝날 때: {day}{ends:%H:%M}", f"ends {day}{ends:%H:%M}")
