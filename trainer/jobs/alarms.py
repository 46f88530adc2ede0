"""What went wrong in a job, each at the step where it did; and what is wrong with it just now.

The machine's own notes come first: their steps, or the steps that were done by their time on that same machine's clock. The rest is seen in the
numbers. No clock of one machine is compared with that of another.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, size_text
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.history import as_number, as_step
from trainer.jobs.metrics import Metrics
from trainer.jobs.text import reason_text, time_text

_BEAT_SECONDS = 60.0  # a supervisor says that it looks far more often
_LEAP = 3.0  # times the running mean
_FALLEN = -1.0  # nats of a chosen reply, beneath what it had in the beginning
_MEMORY, _SETTLED = 0.95, 10  # as the trainer's guard has them
_POINTS = 4000
_MOST = 200


@dataclass(frozen=True)
class Alarm:
    glyph: str
    text: str
    step: int | None = None  # None: just now, or before the first step
    last: int | None = None  # where it went on for several steps

    @property
    def where(self) -> str:
        if self.step is None:
            return ""
        steps = f"{self.step:,}" + (f"–{self.last:,}" if self.last not in (None, self.step) else "")
        return say(f"{steps}단계", f"step {steps}")


def alarms(events: Sequence[Mapping[str, Any]], metrics: Metrics) -> list[Alarm]:
    """By their steps."""
    found = [*_joined(list(_of_events(events, metrics))), *_of_numbers(metrics, events)]
    return sorted(found, key=lambda one: one.step or 0)[-_MOST:]


def _of_events(events: Sequence[Mapping[str, Any]], metrics: Metrics) -> Iterator[Alarm]:
    for event in events:
        told = _told(event)
        if told:
            moment = as_number(event.get("time"))
            step = as_step(event.get("step"))
            if step is None and moment is not None:
                step = metrics.step_when(moment)
            yield Alarm(*told, step, step)


def _told(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """A glyph and a sentence; None for what is nothing to be alarmed about."""
    found = _TOLD.get(str(event.get("event")))
    return (found[0], found[1](event)) if found else None


def _skipped(event: Mapping[str, Any]) -> str:
    loss = safe_line(str(event.get("loss")))[:12]
    return say(f"손실이 이상해서 건너뜀({loss})", f"skipped, its loss was {loss}")


def _gone_back(event: Mapping[str, Any]) -> str:
    to = as_step(event.get("to")) or 0
    return say(f"{to:,}단계 체크포인트로 되돌아감", f"went back to the checkpoint of step {to:,}")


def _halved(_: Mapping[str, Any]) -> str:
    return say("메모리가 부족해 한 번에 넣는 토큰을 반으로 줄임", "out of memory: half as many tokens at once")


def _stalled(event: Mapping[str, Any]) -> str:
    age = time_text(as_number(event.get("seconds")) or 0.0)
    return say(f"{age} 동안 새 단계가 없었음", f"no new step for {age}")


def _disk_low(event: Mapping[str, Any]) -> str:
    free = size_text(as_number(event.get("free")) or 0.0)
    return say(f"디스크가 {free}밖에 남지 않음", f"only {free} left on the disk")


def _again(_: Mapping[str, Any]) -> str:
    return say("장비 오류로 다시 시도", "tried again after a fault of the machine")


def _not_mirrored(event: Mapping[str, Any]) -> str:
    to, reason = safe_line(str(event.get("of") or "")), safe_line(str(event.get("reason")))
    return say(
        f"수치를 {to or '다른 도구'}에 남기지 못함: {reason}", f"its metrics do not go to {to or 'a tracker'}: {reason}"
    )


def _ended(event: Mapping[str, Any]) -> str:
    return safe_line(reason_text(event))


_TOLD: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "step skipped": ("×", _skipped),
    "gone back": ("↩", _gone_back),
    "token budget halved": ("!", _halved),
    "stalled": ("!", _stalled),
    "disk low": ("!", _disk_low),
    "trying again": ("↻", _again),
    "not mirrored": ("!", _not_mirrored),
    **{state.lower(): ("■", _ended) for state in (states.FAILED, states.LOST, states.CANCEL_INCOMPLETE)},
}


def _joined(found: Sequence[Alarm]) -> Iterator[Alarm]:
    """Skipped steps that follow one another are one alarm."""
    held: Alarm | None = None
    for one in found:
        if (
            held
            and held.glyph == one.glyph == "×"
            and None not in (held.last, one.step)
            and one.step == (held.last or 0) + 1
        ):
            held = Alarm(held.glyph, one.text, held.step, one.step)
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def _of_numbers(metrics: Metrics, events: Sequence[Mapping[str, Any]]) -> Iterator[Alarm]:
    noted = {as_step(event.get("step")) for event in events if event.get("event") == "step skipped"}
    broken = [Alarm("×", say("손실이 숫자가 아님", "the loss is no number"), step, step) for step in metrics.broken()]
    yield from _joined([one for one in broken if one.step not in noted])
    for step, times in leaps(metrics.points("loss", _POINTS)):
        if step not in noted:
            yield Alarm(
                "△",
                say(f"손실이 평소의 {times:.1f}배로 튐", f"the loss leapt to {times:.1f} times its mean"),
                step,
                step,
            )

    fell = fall(metrics.points("chosen_gain", _POINTS))
    if fell:
        yield Alarm(
            "▽",
            say(
                "좋은 답의 확률이 처음보다 낮아짐: 학습률을 낮추거나 sft_weight를 높여 보세요",
                "the chosen replies have become less likely than at first: a lower learning rate or a higher sft_weight may help",
            ),
            fell,
            fell,
        )


def fall(points: Sequence[tuple[float, float]]) -> int | None:
    """Where the chosen replies' mean gain has sunk beneath what they had in the beginning: pairs are told apart by making both unlikely."""
    mean, seen = 0.0, 0
    for step, gain in points:
        if not isfinite(gain):
            continue
        mean = _MEMORY * mean + (1 - _MEMORY) * gain
        seen += 1
        if seen >= _SETTLED and mean < _FALLEN:
            return int(step)
    return None


def leaps(points: Sequence[tuple[float, float]]) -> list[tuple[int, float]]:
    """Where the loss leaps above its running mean: the first step of each leap, and how many times the mean it was."""
    mean, seen, above, found = 0.0, 0, False, list[tuple[int, float]]()
    for step, loss in points:
        if not isfinite(loss):
            continue
        if seen >= _SETTLED and mean > 0 and loss > _LEAP * mean:
            if not above:
                found.append((int(step), loss / mean))
            above = True
            continue
        above = False
        mean = _MEMORY * mean + (1 - _MEMORY) * loss if seen else loss
        seen += 1
    return found


def silence(job: JobDirectory, state: Mapping[str, Any]) -> str:
    """Of a job of this computer: its supervisor has not said for a while that it looks. Its clock is the one that nobody sets."""
    if state.get("state") not in states.LIVE:
        return ""
    try:
        age = (time.monotonic_ns() - int(job.heartbeat.read_text())) / 1e9
    except (OSError, ValueError):
        return ""
    if age < _BEAT_SECONDS:
        return ""
    return say(
        f"돌보는 프로세스가 {time_text(age)} 동안 소식이 없음", f"its supervisor has been silent for {time_text(age)}"
    )
