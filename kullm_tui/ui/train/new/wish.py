"""What a filled-in form asks for, as the launch takes it."""

from __future__ import annotations

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


def wanted(recipe: Recipe, draft: Draft, place: Place, name: str, outlook: Outlook) -> Wanted:
    """One whose plan does not fit was agreed to before."""
    from trainer.jobs.launching import Wanted

    on = "" if place.machine else on_here(outlook.plan.machine, place.gpus)
    where = place.machine or on
    return Wanted(
        recipe=recipe,
        argv=[*draft.command(), *(["--on", where] if where else []), *(["--name", name] if name else [])],
        name=name,
        machine=place.machine,
        on=on,
        gpus=place.gpus,
        waits=place.waits,
        agreed=not outlook.plan.fit.fits,
    )


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
