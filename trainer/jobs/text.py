"""A job's state, its reason and what it waits for, as a person reads them. The agent speaks in words for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

from kullm_tui.core.language import say
from trainer.jobs.agent import states
from trainer.jobs.link import Artifacts, Link


def state_text(state: str) -> str:
    return {
        states.DRAFT: say("준비", "draft"),
        states.STAGING: say("올리는 중", "uploading"),
        states.STAGED: say("올라감", "uploaded"),
        states.QUEUED: say("대기", "queued"),
        states.STARTING: say("시작 중", "starting"),
        states.RUNNING: say("학습 중", "running"),
        states.CANCELLING: say("멈추는 중", "stopping"),
        states.SUCCEEDED: say("완료", "done"),
        states.FAILED: say("실패", "failed"),
        states.CANCELLED: say("멈춤", "stopped"),
        states.CANCEL_INCOMPLETE: say("덜 멈춤", "not all stopped"),
        states.LOST: say("끊김", "lost"),
    }.get(state, state)


def reason_text(state: Mapping[str, Any]) -> str:
    """Why it ended: the trainer's own words where it had some."""
    reason, message = str(state.get("reason") or ""), str(state.get("message") or "")
    own = {
        "full": say("디스크가 가득 찼어요", "the disk is full"),
        "slurm": say("Slurm이 학습을 멈췄어요", "Slurm stopped it"),
    }.get(reason)
    if own:
        return own + (f" ({message})" if message else "")
    if reason == "rented":
        return _given_back_text(str(state.get("given_back") or ""), message)
    gone = {
        "reboot": say("컴퓨터가 다시 시작됐어요", "the machine was restarted"),
        "supervisor": say(
            "학습을 돌보던 프로세스가 갑자기 끝났어요", "the process that looked after it ended suddenly"
        ),
    }.get(reason)
    if gone:
        return gone
    if message:
        return message
    if reason == "signal":
        signal = state.get("signal") or ""
        return say(f"프로세스가 강제로 끝났어요({signal})", f"its process was killed ({signal})")
    return say(f"종료 코드 {state.get('rc')}", f"exit code {state.get('rc')}")


def _given_back_text(why: str, words: str) -> str:
    known = {
        "time": say("빌린 시간이 끝나 장비가 없어졌어요", "its rented machine went when its time was over"),
        "asked": say("빌린 장비를 돌려줬어요", "its rented machine was given back"),
    }
    text = known.get(why) or say("빌린 장비가 없어졌어요", "its rented machine is gone")
    return text + (f" ({words})" if words else "")


def queue_text(queue: Mapping[str, Any]) -> str:
    """Its place, and why it waits."""
    place, why = queue.get("place"), queue.get("why")
    where = say(f"대기 {place}번째", f"place {place} in the queue") if place else say("대기", "queued")
    reason = {
        "held": say("보류 중", "held"),
        "busy": say("다른 학습이 돌고 있어요", "another job runs"),
        "behind": say(f"{queue.get('job')} 다음 차례예요", f"behind {queue.get('job')}"),
        "slurm": say(f"Slurm의 차례를 기다려요({queue.get('reason') or '…'})", f"Slurm: {queue.get('reason') or '…'}"),
    }.get(str(why), "")
    if why == "cards":
        reason = say(
            f"빈 GPU {queue.get('free')}개, 필요한 GPU {queue.get('wanted')}개",
            f"{queue.get('free')} free GPUs of {queue.get('wanted')} needed",
        ) + "".join(f"; {line}" for line in occupied_lines(queue.get("on") or ()))
    return f"{where}: {reason}" if reason else where


def why_text(state_name: str, state: Mapping[str, Any]) -> str:
    """What a state alone does not say: what a job waits for, or why it ended; empty for all others."""
    queue = state.get("queue")
    if state_name == states.QUEUED and isinstance(queue, Mapping):
        return queue_text(queue)
    return reason_text(state) if state_name in (states.FAILED, states.LOST) else ""


def link_text(link: Link) -> str:
    if link.state == "LIVE":
        return say("연결됨", "connected")
    age = time_text(link.age)
    if link.state == "STALE":
        return say(f"{age} 전 소식", f"heard {age} ago")
    return (
        say(f"연결 안 됨({age} 전 소식)", f"unreachable, heard {age} ago")
        if link.age
        else say("연결 안 됨", "unreachable")
    )


def artifacts_text(artifacts: Artifacts) -> str:
    return {
        "NONE": "",
        "READY": say("받을 결과 있음", "to be fetched"),
        "FETCHING": say("받는 중", "fetching"),
        "VERIFIED": say("결과 있음", "results here"),
    }[artifacts]


def occupied_lines(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a card that is not free: who is on it."""
    lines = []
    for card in cards:
        who = ", ".join(
            say(
                f"{owner or '다른 컨테이너'} {pid}번 {mib / 1024:.1f}GB",
                f"{owner or 'another container'} pid {pid} {mib / 1024:.1f} GB",
            )
            for owner, pid, mib in card.get("who") or ()
        )
        lines.append(f"GPU {card.get('card')}: " + (who or f"{card.get('mib', 0) / 1024:.1f}GB"))
    return lines


def time_text(seconds: float) -> str:
    """The two largest units."""
    minutes, hours = seconds / 60, seconds / 3600
    if seconds < 90:
        return say(f"{seconds:.0f}초", f"{seconds:.0f} s")
    if minutes < 90:
        return say(f"{minutes:.0f}분", f"{minutes:.0f} min")
    if hours < 48:
        whole, rest = divmod(round(minutes), 60)
        return say(f"{whole}시간 {rest}분", f"{whole} h {rest} min") if rest else say(f"{whole}시간", f"{whole} h")
    return say(f"{hours / 24:.1f}일", f"{hours / 24:.1f} days")
