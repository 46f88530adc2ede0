"""What a filled-in form asks for, as the launch takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.ask import Confirm
from trainer.jobs.outlook import on_here

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.ui.train.new.form import Place
    from trainer.jobs.launching import Wanted
    from trainer.jobs.outlook import Outlook
    from trainer.recipe import Recipe
    from trainer.recipe_draft import Draft


@dataclass(frozen=True)
class Taught:
    """A training on what its user said of replies: the folder of its job is there, with the lessons in it."""

    recipe: Recipe
    job: str
    name: str  # of what is trained, unless another is typed
    is_personal: bool


def wanted(
    recipe: Recipe, draft: Draft, place: Place, name: str, outlook: Outlook, taught: Taught | None = None
) -> Wanted:
    """One whose plan does not fit was agreed to before."""
    from trainer.jobs.launching import Wanted

    on = "" if place.machine else on_here(outlook.plan.machine, place.gpus)
    where = place.machine or on
    name = name or (taught.name if taught else "")
    return Wanted(
        recipe=recipe,
        argv=[*draft.command(), *(["--on", where] if where else []), *(["--name", name] if name else [])],
        name=name,
        machine=place.machine,
        on=on,
        gpus=place.gpus,
        waits=place.waits,
        agreed=not outlook.plan.fit.fits,
        known_as=taught.job if taught else "",
    )


async def agrees_to_send(app: App[Any], taught: Taught | None, machine: str) -> bool:
    """Asked where something of a person would leave this computer; to be awaited in a worker."""
    if not (taught and taught.is_personal and machine):
        return True
    asked = Confirm(
        say("배울 글에 개인 정보로 보이는 것이 있어요.", "What is to be learnt seems to hold personal data."),
        say(f"그래도 {machine} 장비로 보내기", f"Send it to {machine} all the same"),
        more=say(
            "피드백 화면(f)에서 개인 정보로 보이는 것만 골라 볼 수 있어요.",
            "The feedback's screen shows what it is (f filters it).",
        ),
        danger=True,
    )
    return await app.push_screen_wait(asked) is True


async def agrees_to_fit(app: App[Any], outlook: Outlook) -> bool:
    """Asked where it will probably not fit; to be awaited in a worker."""
    if outlook.plan.fit.fits:
        return True
    asked = Confirm(
        say("메모리에 들어가지 않을 것 같아요.", "It will probably not fit into the memory."),
        say("그래도 시작하기", "Begin all the same"),
        more=say("학습하다가 메모리 부족으로 멈출 수 있어요.", "It may stop for want of memory."),
        danger=True,
    )
    return await app.push_screen_wait(asked) is True
