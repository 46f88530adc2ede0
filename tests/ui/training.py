"""The real app in its training mode, over job directories that the real writers made and supervisors that really run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kullm_tui.core.config.settings import Config
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.train.screen import TrainScreen
from tests.ui.driving import Driven


class Training(Driven):
    @property
    def screen(self) -> TrainScreen:
        assert isinstance(self.app.screen, TrainScreen)
        return self.app.screen

    async def chooses(self, job: str) -> None:
        """The row of that job, as soon as it is there."""
        await self.until(lambda: self.app.trainings.of(job))
        await self.press("home")
        for _ in self.app.trainings.jobs:
            chosen = self.screen.chosen
            if chosen and chosen.id == job:
                return
            await self.press("down")
        raise AssertionError(self.shown)


@asynccontextmanager
async def training(config: Config | None = None, *, size: tuple[int, int] = (140, 45)) -> AsyncIterator[Training]:
    """The app at its list of trainings, once they were looked at."""
    app = KullmApp(config=config or Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Training(app, pilot)
        await pilot.press("f10")
        await one.until(lambda: isinstance(app.screen, TrainScreen) and app.screen.is_mounted)
        await one.until(lambda: app.trainings.is_known)
        yield one
