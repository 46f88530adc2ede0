"""What the app is to the rooms that it shows, and what it asks of their screens. A room that needs more says so in a Protocol of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import Config
    from kullm_tui.core.errors import KullmError
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.keymap.own import OwnKeys
    from kullm_tui.ui.widgets.status_line import Status


class Host(Protocol):
    config: Config
    own_keys: OwnKeys

    @property
    def status(self) -> Status: ...

    @property
    def is_looked_at(self) -> bool: ...

    async def opened(self) -> Store:
        """The store, opened in a thread the first time; KullmError where it cannot be opened."""
        ...

    async def mend(self, error: KullmError) -> bool:
        """Whether the error was the store's file, which was put aside: the screens have what could be read of it in a new one."""
        ...

    def warm_engine(self) -> None:
        """Starts the engine before it is needed."""
        ...


@runtime_checkable
class TakesModel(Protocol):
    """A screen that goes on with a model that was chosen elsewhere: in the browser, in the palette."""

    def use_model(self, name: str) -> None: ...


@runtime_checkable
class TakesText(Protocol):
    """A screen with a prompt, which goes on with what is written into it from elsewhere."""

    def write(self, text: str) -> None: ...


@runtime_checkable
class Stops(Protocol):
    """A screen on which something may be on its way."""

    def stop_replies(self) -> bool:
        """False where nothing was to be stopped."""
        ...


@runtime_checkable
class TakesStore(Protocol):
    """A screen that has the store, or what it read there, at hand."""

    def take_store(self, store: Store) -> None: ...
