"""What stands behind a comparison's controller: the screen as the controller and its parts tell it things, and the controller as its parts see it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from kullm_tui.ui.conversation.controller import View
from kullm_tui.ui.conversation.host import ConversationHost

if TYPE_CHECKING:
    from kullm_tui.core import records
    from kullm_tui.core.store.comparisons import Comparison
    from kullm_tui.core.store.history import Turn
    from kullm_tui.ui.compare.columns import Columns
    from kullm_tui.ui.compare.question_header import Asked
    from kullm_tui.ui.conversation.prompt import Prompt


class BoardView(Protocol):
    """The question and the heads of the columns."""

    asked: Asked

    def tell_heads(self) -> None: ...

    def tell_question(self) -> None: ...

    def tell_ended(self, place: int, turn: Turn) -> None: ...


class CompareView(View, Protocol):
    @property
    def host(self) -> ConversationHost: ...

    @property
    def view(self) -> BoardView: ...

    @property
    def columns(self) -> Columns: ...

    @property
    def prompt(self) -> Prompt: ...

    def tell_addressee(self) -> None: ...

    def tell_round(self) -> None: ...

    def tell_all_finished(self) -> None: ...

    def tell_switches(self) -> None: ...


class ComparisonOnScreen(Protocol):
    """The controller, for the parts that it is made of."""

    screen: CompareView
    comparison: Comparison | None

    @property
    def busy(self) -> bool: ...

    @property
    def hidden(self) -> bool: ...

    @property
    def names(self) -> list[str]: ...

    def run(self, work: Coroutine[Any, Any, None], group: str = ...) -> None: ...

    def open(self, comparison: Comparison | None) -> None: ...

    async def show(self, place: int, leaf_id: int | None = None, *, anew: bool = False) -> None: ...

    async def set_out(self) -> None: ...

    async def put(self, message: records.Message) -> None: ...
