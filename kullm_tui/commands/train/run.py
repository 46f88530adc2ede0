"""A training started, and followed while it lasts.

The supervisor and its trainer go on when this process is killed. Here ctrl-c asks for a stop with everything saved, a second one for
an end at once; elsewhere it ends the watching alone.
"""

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.jobs.ending import ended, how_to_watch, watched
from kullm_tui.commands.jobs.follow import Follower, asking_to_stop
from kullm_tui.commands.machines.rent import tell_of_the_end
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from trainer.jobs.actions import go_on
from trainer.jobs.agent import states
from trainer.jobs.client import Client
from trainer.jobs.overview import standing
from trainer.jobs.registry import KnownJob


def started_and_followed(
    job: KnownJob, client: Client, narration: Narration, *, as_json: bool, on: str = "", detach: bool = False
) -> int:
    """A job that was made, or one that goes on: at work until it ends, its exit code, and on success its adapter kept."""
    follower = Follower(job, client, narration)
    started = go_on(job, client, note=narration.note, progress=narration.progress, on=on)
    narration.clear()
    if not started.fresh and job.again().state.get("state") == states.SUCCEEDED:
        narration.note(say("이미 끝난 학습이에요.", "It is done already."))
    elif not started.fresh and not detach:
        narration.note(say("이미 돌고 있어서 지켜봐요.", "It runs already, and is followed."))
    if detach:
        return left_alone(job, narration, as_json=as_json)
    if job.machine:
        return watched(job, client, follower, started.start, narration, as_json=as_json)
    with asking_to_stop() as asked:
        state = follower.until_it_ends(started.start, asked)
    return ended(job, client, state, narration, as_json=as_json)


def left_alone(job: KnownJob, narration: Narration, *, as_json: bool) -> int:
    """It goes on by itself; how it is seen again."""
    tell_of_the_end(job.again(), narration)
    if as_json:
        print(terminal_safe_json(standing(job.again()).row()))
        return 0
    begun = say(
        f"{job.name} 학습을 시작했어요. 터미널을 닫아도 계속돼요. ",
        f"{job.name} has begun and goes on without this terminal. ",
    )
    narration.note(begun + how_to_watch(job.id))
    print(terminal_safe(job.id))
    return 0
