"""The sidebar: every conversation under the day it was last used, and a search that finds them while one types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError, StoreDamaged, StoreMoved
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc
from kullm_tui.ui import keymap
from kullm_tui.ui.background import Fault, Work, begin, tell_fault
from kullm_tui.ui.chat.sidebar_rows import Entry, Found, listed
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Conversation
    from kullm_tui.core.store.store import Store

_PAUSE_SECONDS = 0.12  # between the last key and the search
_NOTICE_SECONDS = 10.0


class Conversations(Vertical):
    DEFAULT_CSS = """
    Conversations { width: 30; border-right: solid $rule; background: $background; }
    Conversations > Input { border: none; height: 1; margin: 1 1 1 1; padding: 0 1; background: $surface; }
    Conversations > Input:focus { background: $boost; }
    Conversations > .notice { height: auto; padding: 0 1; color: $warning; display: none; }
    Conversations > .notice.-shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings(keymap.SIDEBAR)

    @dataclass
    class Opened(Message):
        conversation: Conversation
        message_id: int | None = None  # where the search found it

    @dataclass
    class Deleted(Message):
        conversation: Conversation

    @dataclass
    class ExportAsked(Message):
        """Into a file, this conversation."""

        conversation: Conversation

    class ImportAsked(Message):
        """From a file, whatever is in it."""

    class Left(Message):
        """Back to the prompt."""

    @dataclass
    class Failed(Message):
        """The store's file is damaged, or another stands in its place."""

        error: KullmError

    def __init__(self) -> None:
        super().__init__()
        self.store: Store | None = None
        self._open_id: int | None = None
        self._answering: frozenset[int] = frozenset()
        self._unread: frozenset[int] = frozenset()
        self._pause: Timer | None = None
        self._forgetting: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Input(placeholder=say("검색", "search"), id="search")
        yield Rows(id="conversation-rows")
        yield Static(classes="notice", markup=False)

    def relabel(self) -> None:
        self.query_one(Input).placeholder = say("검색", "search")
        self._forget()
        self.reload()

    @property
    def query_text(self) -> str:
        return nfc(self.query_one(Input).value).strip()

    def focus_search(self) -> None:
        self.query_one(Input).focus()

    # -- what is listed ------------------------------------------------------------------------------------------------

    def mark(self, open_id: int | None, answering: frozenset[int], unread: frozenset[int]) -> None:
        """Which conversation is on the screen, which are being answered, which were answered unseen."""
        if (open_id, answering, unread) != (self._open_id, self._answering, self._unread):
            self._open_id, self._answering, self._unread = open_id, answering, unread
            self.reload()

    def reload(self) -> None:
        """List again what the store holds, or what the search finds, in a thread."""
        if self.store is not None:
            self._run(partial(self._list, self.store), group="listing")

    def _run(self, work: Work, *, group: str) -> None:
        """A newer list takes the place of an older one; what is changed is seen through."""
        begin(self, work, self._failed, group=group, exclusive=group == "listing")

    def _failed(self, error: Fault) -> None:
        """What the disk refuses is told where it was asked for."""
        if isinstance(error, StoreDamaged | StoreMoved):
            self.post_message(self.Failed(error))
        else:
            self._tell(plain(str(error)))

    async def _list(self, store: Store) -> None:
        query = self.query_text
        if query:
            hits = await asyncio.to_thread(store.search, query)
            rows: Sequence[Row] = [Found(hit) for hit in hits] or [Heading(say(" 찾은 것이 없어요", " nothing found"))]
        else:
            rows = await asyncio.to_thread(listed, store.conversations, self._mark_of)
        shown = next(iter(self.query(Rows)), None)
        if shown is None:  # the app was closed meanwhile
            return
        kept = shown.rows[shown.chosen] if shown.chosen is not None and shown.chosen < len(shown.rows) else None
        shown.show(rows, _place_of(rows, kept, self._open_id if not query else None))

    def _mark_of(self, conversation_id: int) -> str:
        if conversation_id in self._answering:
            return "●"
        if conversation_id in self._unread:
            return "○"
        return "▌" if conversation_id == self._open_id else " "

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause:
            self._pause.stop()
        self._pause = self.set_timer(_PAUSE_SECONDS if event.value else 0.001, self.reload)

    # -- opening -------------------------------------------------------------------------------------------------------

    @on(Input.Submitted, "#search")
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._pause:
            self._pause.stop()
        if self.store is not None:
            await tell_fault(partial(self._list, self.store), self._failed)
        rows = self.query_one(Rows)
        if self.query_text and rows.choose_first():
            rows.action_take()

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        if isinstance(row, Entry | Found):
            self.post_message(self.Opened(row.conversation, row.hit.message_id if isinstance(row, Found) else None))

    @on(Rows.Moved)
    def _moved(self) -> None:
        self.screen.refresh_bindings()

    @on(Rows.LeftAtTop)
    def _to_search(self) -> None:
        self.focus_search()

    def action_cursor_down(self) -> None:
        """Down from the search."""
        rows = self.query_one(Rows)
        if rows.chosen is not None or rows.choose_first():
            rows.focus()

    def action_cursor_up(self) -> None:
        self.focus_search()

    def action_take(self) -> None:
        self.query_one(Rows).action_take()

    def action_back(self) -> None:
        """Escape: first the search is emptied, then the sidebar is left."""
        search = self.query_one(Input)
        if search.value:
            search.value = ""
        else:
            self.post_message(self.Left())

    # -- changing ------------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Conversation | None:
        rows = self.query_one(Rows)
        row = rows.rows[rows.chosen] if rows.chosen is not None else None
        return row.conversation if isinstance(row, Entry | Found) else None

    def holds(self, when: When) -> bool:
        return when != "has row" or self.chosen is not None

    def _change(self, change: Callable[[Store, Conversation], Coroutine[object, object, None]]) -> None:
        if (chosen := self.chosen) and self.store:
            self._run(partial(change, self.store, chosen), group="change")

    def action_pin(self) -> None:
        self._change(self._pin)

    async def _pin(self, store: Store, conversation: Conversation) -> None:
        await asyncio.to_thread(store.pin, conversation.id, not conversation.pinned)
        self.reload()

    def action_rename(self) -> None:
        self._change(self._rename)

    async def _rename(self, store: Store, conversation: Conversation) -> None:
        from kullm_tui.ui.dialogs.ask import AskLine

        title = await self.app.push_screen_wait(
            AskLine(
                say("대화의 새 이름", "The conversation's new title"),
                button=say("이름 바꾸기", "Rename"),
                value=conversation.title,
                fault=lambda line: None if line else say("이름이 비어 있어요.", "The title is empty."),
            )
        )
        if title:
            await asyncio.to_thread(store.rename, conversation.id, title)
            self.reload()

    def action_delete(self) -> None:
        self._change(self._delete)

    def action_export_one(self) -> None:
        if chosen := self.chosen:
            self.post_message(self.ExportAsked(chosen))

    def action_import_some(self) -> None:
        self.post_message(self.ImportAsked())

    async def _delete(self, store: Store, conversation: Conversation) -> None:
        await asyncio.to_thread(store.delete, conversation.id)
        self._offer_undo(conversation)
        self.post_message(self.Deleted(conversation))
        self.reload()

    def action_undo(self) -> None:
        if self.store:
            self._run(partial(self._undo, self.store), group="change")

    async def _undo(self, store: Store) -> None:
        """The one that was deleted last, however long ago; once more, the one before it."""
        restored = await asyncio.to_thread(store.restore_latest)
        self._forget()
        if restored:
            self.tell(say(f"되살렸어요: {restored.title}", f"Restored: {restored.title}"))
        else:
            self.tell(say("되살릴 대화가 없어요.", "There is nothing to restore."))
        self.reload()

    def _offer_undo(self, conversation: Conversation) -> None:
        self._forget()
        title = plain(conversation.title).truncate(18, ellipsis=True)
        self._tell(Content.assemble(title, say(" 지웠어요\nu 되돌리기", " deleted\nu undoes it")))
        self._forgetting = self.set_timer(_NOTICE_SECONDS, self._forget)

    def tell(self, text: str) -> None:
        """For a moment."""
        self._forget()
        self._tell(plain(text))
        self._forgetting = self.set_timer(_NOTICE_SECONDS, self._forget)

    def _tell(self, notice: Content) -> None:
        line = self.query_one(".notice", Static)
        line.update(notice)
        line.add_class("-shown")

    def _forget(self) -> None:
        if self._forgetting:
            self._forgetting.stop()
        self.query_one(".notice").remove_class("-shown")


def _place_of(rows: Sequence[Row], kept: Row | None, open_id: int | None) -> int | None:
    """Where the row that was chosen stands now; else the conversation on the screen."""
    wanted = kept.conversation.id if isinstance(kept, Entry | Found) else open_id
    listed_ids = [row.conversation.id if isinstance(row, Entry | Found) else None for row in rows]
    return listed_ids.index(wanted) if wanted is not None and wanted in listed_ids else None
