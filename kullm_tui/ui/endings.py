"""What goes on behind the screens, and what the app says when some of it ends: on the screen that shows it, else wherever its user is."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from kullm_tui.core.language import say
from kullm_tui.core.paths import state_dir
from kullm_tui.ui.text import safe

if TYPE_CHECKING:
    from typing import Protocol

    from textual.app import App

    from kullm_tui.ui.data.builds import Building
    from kullm_tui.ui.evaluate.host import EvaluationsHost
    from kullm_tui.ui.evaluate.runs import Running
    from kullm_tui.ui.paper.runs import Running as Study
    from kullm_tui.ui.train.host import TrainHost
    from kullm_tui.ui.train.seen import Seen

    class Behind(EvaluationsHost, TrainHost, Protocol):
        """The app, as far as what goes on behind it."""


_FIRST_LOOK_SECONDS = 5.0  # between two looks for the first training ever


def work_ended(app: App[Any], name: str, error: str, done: str) -> None:
    """Of a model: told on the browser where that is open."""
    from kullm_tui.ui.models.screen import ModelsScreen

    browser = next((screen for screen in app.screen_stack if isinstance(screen, ModelsScreen)), None)
    if browser:
        browser.look_again()
    elif app.is_running:
        app.notify(f"{safe(name)}: {safe(error) or done}", severity="error" if error else "information", markup=False)


def evaluation_ended(app: App[Any], host: Behind, running: Running) -> None:
    """Told where nobody watches it; what it cost belongs to the session's total."""
    from kullm_tui.ui.terminal.notifications import announce

    if not app.is_running:
        return
    host.judging.spent_elsewhere(host.evaluations.spent)
    done = say(f"평가 #{running.number}: 끝났어요", f"evaluation #{running.number}: done")
    if running.was_long and not host.is_looked_at:
        announce(app, done, host.config.notify)
    if app.current_mode != "evaluate" and running.state != "stopped":
        app.notify(safe(running.error) or done, severity="error" if running.error else "information", markup=False)


def build_ended(app: App[Any], host: Behind, building: Building) -> None:
    """Told where nobody watches it."""
    from kullm_tui.ui.terminal.notifications import announce

    if not app.is_running or building.stopped:
        return
    done = say(f"데이터 {building.name}: 다 만들었어요", f"data set {building.name}: built")
    if building.was_long and not host.is_looked_at:
        announce(app, done, host.config.notify)
    if app.current_mode != "data":
        app.notify(safe(building.error) or done, severity="error" if building.error else "information", markup=False)


def study_ended(app: App[Any], host: Behind, study: Study) -> None:
    """Told where nobody watches it."""
    from kullm_tui.ui.paper.screen import PaperScreen
    from kullm_tui.ui.terminal.notifications import announce

    if not app.is_running or study.state == "stopped":
        return
    name = safe(study.plan.study.name)
    done = say(f"{name} 연구: 다 했어요", f"study {name}: done")
    failed = say(f"{name} 연구: 실패했어요", f"study {name}: failed")
    if study.was_long and not host.is_looked_at:
        announce(app, failed if study.error else done, host.config.notify)
    if not isinstance(app.screen, PaperScreen):
        app.notify(safe(study.error) or done, severity="error" if study.error else "information", markup=False)


async def watch_trainings(host: Behind) -> None:
    """From the first training on. What looks at them is imported in a thread: that takes longer than a key may wait."""
    while not await asyncio.to_thread(_has_trained):
        await asyncio.sleep(_FIRST_LOOK_SECONDS)
    await asyncio.to_thread(importlib.import_module, "kullm_tui.ui.train.service")
    host.trainings.begin()


def _has_trained() -> bool:
    return (state_dir() / "jobs").is_dir()


def training_ended(app: App[Any], host: Behind, seen: Seen) -> None:
    """In the header of every mode until its list is looked at; a bell for who looks elsewhere, unless somebody stopped it."""
    from kullm_tui.ui.terminal.notifications import announce
    from kullm_tui.ui.train.text import ended_text

    if not app.is_running:
        return
    if app.current_mode != "train":
        host.status.set_training(ended_text(seen))
    if not host.is_looked_at and seen.state_name != "CANCELLED":
        announce(app, ended_text(seen), host.config.notify)
