"""Which trackers a job's metrics go along to, and where at each: what the configuration says, or what was asked for with the job.

trackers/NAME.json   to: a folder or a project; online: W&B alone
                     state: WAITING, OPENING, WORKING, DONE, FAILED (and message); rows: how many it has; pid and started of who feeds it;
                     beat: when it last said so; start: of the job, after whose end it was DONE
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kullm_tui.core import paths, rules
from kullm_tui.core.config.settings import MirrorSettings, load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir, publish

NAMES = ("tensorboard", "trackio", "wandb")
NONE = "none"
WAITING, OPENING, WORKING, DONE, FAILED = "WAITING", "OPENING", "WORKING", "DONE", "FAILED"
_PROJECT = "kullm"


def names_in(text: str) -> tuple[str, ...]:
    """`tensorboard,wandb` as somebody typed it; `none` for none, whatever the configuration says. UsageError for others."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if names == (NONE,):
        return ()
    for name in names or ("",):
        if name not in NAMES:
            near = rules.did_you_mean(name, NAMES)
            known = ", ".join(NAMES)
            raise UsageError(
                say(
                    f"'{name}'에는 수치를 남길 수 없어요. {known} 가운데에서 쉼표로 이어 쓰세요.{near}",
                    f"metrics cannot go to '{name}'. Name some of {known}, with commas.{near}",
                )
            )
    return names


def wish(job: JobDirectory, names: Iterable[str] | None = None) -> None:
    """Put down for the processes that will feed them; where at each, as the configuration has it now. None: the configuration's, where
    the job has no wish of its own yet."""
    settings = load_config().mirrors
    if names is None:
        if job.trackers.is_dir():
            return
        names = [name for name in NAMES if getattr(settings, name)]
        if not names:
            return
    private_dir(job.trackers)
    for name in names:
        known = known_of(job, name) or {"state": WAITING, "rows": 0}
        publish(job.tracker(name), {**known, **_place(settings, name)})


def wished(job: JobDirectory) -> list[str]:
    return [name for name in NAMES if job.tracker(name).is_file()]


def known_of(job: JobDirectory, name: str) -> dict[str, Any]:
    return document(job.tracker(name))


def _place(settings: MirrorSettings, name: str) -> Mapping[str, Any]:
    if name == "tensorboard":
        folder = paths.typed(settings.tensorboard) if settings.tensorboard else paths.state_dir() / "tensorboard"
        return {"to": str(folder.absolute())}
    if name == "wandb":
        return {"to": settings.wandb or _PROJECT, "online": settings.wandb_online}
    return {"to": settings.trackio or _PROJECT}
