"""What the data mode adds to the host: the build under way, whichever screen is shown, and the way to a new training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from kullm_tui.ui.data.builds import Builds


class DataHost(Host, Protocol):
    @property
    def builds(self) -> Builds: ...

    async def train_on(self, source: str) -> None:
        """A new training, with this file as its data."""
        ...
