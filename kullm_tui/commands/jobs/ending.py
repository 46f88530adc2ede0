"""What is told of a job that has ended: its adapter fetched and kept, how to go on, or why it failed."""

from collections.abc import Mapping
from typing import Any

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.jobs.follow import Follower
from kullm_tui.commands.machines.rent import given_back_if_done, own_lease, tell_of_cost
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text, terminal_safe, terminal_safe_json
from trainer.jobs.agent import states
from trainer.jobs.bring import brought_and_kept
from trainer.jobs.client import Client
from trainer.jobs.registry import KnownJob
from trainer.jobs.text import reason_text

_STOPPED = 130
_SAMPLE = "안녕하세요?"


def watched(
    job: KnownJob, client: Client, follower: Follower, start: int, narration: Narration, *, as_json: bool
) -> int:
    """Followed to its end. Ctrl-c ends the watching alone."""
    try:
        state = follower.until_it_ends(start)
    except KeyboardInterrupt:
        narration.clear()
        narration.note(say("학습은 계속돼요. ", "The job goes on. ") + how_to_watch(job.id))
        return _STOPPED
    return ended(job, client, state, narration, as_json=as_json)


def how_to_watch(job: str) -> str:
    return say(
        f"지켜보려면: kullm jobs follow {job}   멈추려면: kullm jobs cancel {job}",
        f"To watch it: kullm jobs follow {job}   to stop it: kullm jobs cancel {job}",
    )


def ended(job: KnownJob, client: Client, state: Mapping[str, Any], narration: Narration, *, as_json: bool) -> int:
    """The exit code of whoever followed it."""
    narration.clear()
    job = job.again()
    if state["state"] == states.SUCCEEDED:  # also where ctrl-c came after the last step
        return fetched_and_kept(job, client, narration, as_json=as_json)
    if own_lease(job):
        tell_of_cost(job.machine, narration)
    if state["state"] == states.CANCELLED or state.get("reason") == "terminated":
        _tell_how_to_go_on(job, narration)
        return _STOPPED
    raise _failed(job, state)


def fetched_and_kept(job: KnownJob, client: Client, narration: Narration, *, as_json: bool) -> int:
    def told(here: int, total: int) -> None:
        narration.progress(say("결과를 받는 중", "fetching") + f" … {size_text(here)} / {size_text(total)}")

    kept = brought_and_kept(job, client, narration.note, told)
    narration.clear()
    given_back_if_done(job, narration)
    if kept.advice:
        narration.note(kept.advice)
    if as_json:
        print(
            terminal_safe_json(
                {
                    "run": job.id,
                    "folder": str(job.directory.path),
                    "name": kept.name,
                    "base": kept.base,
                    "command": kept.command,
                }
            )
        )
        return 0
    narration.note(
        say(
            f"학습을 마쳤어요. 이렇게 물어보세요(이름: {kept.name}):",
            f"Trained, and kept as {kept.name}. Ask it like this:",
        )
    )
    print(terminal_safe(f'{kept.command} "{_SAMPLE}"'))
    return 0


def _tell_how_to_go_on(job: KnownJob, narration: Narration) -> None:
    steps = job.checkpoints
    kept = say(f"{steps[0]}단계까지 저장했어요. ", f"Saved up to step {steps[0]}. ") if steps else ""
    narration.note(
        say(
            f"멈췄어요. {kept}이어서 하려면: kullm train --resume {job.id}",
            f"Stopped. {kept}To go on: kullm train --resume {job.id}",
        )
    )


def _failed(job: KnownJob, state: Mapping[str, Any]) -> KullmError:
    log = job.directory.log(int(state.get("attempt") or 0))
    reason = terminal_safe(reason_text(state))
    hint = ""
    if job.checkpoints:
        hint = say(
            f"\n이어서 하려면: kullm train --resume {job.id}",
            f"\nTo go on from the last checkpoint: kullm train --resume {job.id}",
        )
    return KullmError(
        say(f"학습이 끝나지 못했어요: {reason}\n기록: {log}{hint}", f"the training failed: {reason}\nlog: {log}{hint}")
    )
