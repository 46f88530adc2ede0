"""What was begun in each conversation and not sent: put aside when one leaves it, and there again when one comes back, after a quit too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kullm_tui.core.store.drafts import Edited, StoredDraft
from kullm_tui.ui.conversation.prompt import NOTHING, Unsent

if TYPE_CHECKING:
    from kullm_tui.core.records import Message
    from kullm_tui.core.store.history import Conversation, Turn
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.conversation.prompt import Prompt


class HasPrompt(Protocol):
    @property
    def prompt(self) -> Prompt: ...


@dataclass(frozen=True)
class _Draft:
    unsent: Unsent = NOTHING
    editing: Edited | None = None
    before: Unsent = NOTHING  # what stood in the prompt when the edit began

    @property
    def stored(self) -> StoredDraft:
        return StoredDraft(self.unsent.text.whole, self.unsent.input.whole, self.editing)


class Drafts:
    """Of the conversation on the screen, the prompt itself is the draft. The conversation that does not exist yet has one too."""

    def __init__(self, screen: HasPrompt) -> None:
        self.editing: Edited | None = None  # the question that what is in the prompt is to take the place of
        self._before = NOTHING
        self._screen = screen
        self._here: int | None = None
        self._aside: dict[int | None, _Draft] = {}
        self._written: dict[int | None, StoredDraft] = {}  # as the store has them
        self._saving = asyncio.Lock()

    def change(self, after: Conversation | None) -> None:
        """To another conversation."""
        self._aside[self._here] = _Draft(self._screen.prompt.unsent, self.editing, self._before)
        self._here = _key(after)
        draft = self._aside.pop(self._here, _Draft())
        self._screen.prompt.take_up(draft.unsent)
        self.editing, self._before = draft.editing, draft.before

    def edit(self, editing: Edited, question: Turn) -> None:
        """The question in the prompt, to be changed. What was begun there waits until that is over; an edit under way goes on."""
        if editing == self.editing:
            return
        if self.editing is None:
            self._before = self._screen.prompt.unsent
        self.editing = editing
        self._screen.prompt.set(question.content, question.input)

    def stop_editing(self) -> None:
        """What was begun before is there again; Up finds the edit."""
        if self.editing:
            given_up = self._screen.prompt.value
            self.editing = None
            self._take_up_again()
            if given_up.text.strip():
                self._screen.prompt.keep_for_later(given_up)

    def sent(self, conversation: Conversation | None) -> None:
        """What was in the prompt is on its way."""
        if _key(conversation) == self._here and _Draft(self._screen.prompt.unsent).stored.is_empty:
            self._take_up_again()

    def _take_up_again(self) -> None:
        self._screen.prompt.take_up(self._before)
        self._before = NOTHING

    def begun(self, conversation: Conversation) -> None:
        """The conversation on the screen exists from now on."""
        self._here = conversation.id

    def give_back(self, conversation: Conversation | None, message: Message, editing: Edited | None) -> None:
        """A question that could not be sent. What was typed since stays where it is, and Up finds the question."""
        draft = _Draft(Unsent.of(message.content, message.input), editing)
        if _key(conversation) == self._here:
            self._put_before(draft)
        else:
            self._aside[_key(conversation)] = draft

    def _put_before(self, draft: _Draft) -> None:
        if self._screen.prompt.give_back(draft.stored.text, draft.stored.input):
            self.editing = draft.editing

    # -- on the disk ---------------------------------------------------------------------------------------------------

    async def load(self, store: Store) -> None:
        """What earlier programs left. A prompt in which somebody writes already stays as it is, and Up finds the draft."""
        self._written = await asyncio.to_thread(store.drafts.taken_over)
        for conversation_id, kept in self._written.items():
            draft = _Draft(Unsent.of(kept.text, kept.input), kept.edits)
            self._aside.setdefault(conversation_id, draft)
        if self._here in self._aside:
            self._put_before(self._aside.pop(self._here))

    async def save(self, store: Store) -> None:
        """What is not as the store has it."""
        async with self._saving:
            now = {where: draft.stored for where, draft in self._aside.items()}
            now[self._here] = _Draft(self._screen.prompt.unsent, self.editing).stored
            now = {where: kept for where, kept in now.items() if not kept.is_empty}
            places = now.keys() | self._written.keys()
            changed = {where: now.get(where) for where in places if now.get(where) != self._written.get(where)}
            if changed:
                await asyncio.to_thread(store.drafts.put, changed)
                self._written = now

    def forget_written(self) -> None:
        """Another store, which has none of them."""
        self._written = {}


def _key(conversation: Conversation | None) -> int | None:
    return conversation.id if conversation else None
