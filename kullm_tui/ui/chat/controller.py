"""What the chat does: questions sent, replies stopped, asked again and edited, conversations opened. The screen shows it.

One question at a time is committed; everything that waits (disk, tokens, the network) happens in workers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from kullm_tui.core import records
from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.errors import KullmError, StoreError
from kullm_tui.core.language import say
from kullm_tui.core.store.drafts import Edited
from kullm_tui.ui.chat.drafts import Drafts
from kullm_tui.ui.chat.view import ChatView
from kullm_tui.ui.conversation.controller import Controller, FeedbackVerb
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.settings import Session, last_used, question_of, remember, session_of
from kullm_tui.ui.conversation.text import speed
from kullm_tui.ui.conversation.unsaved import as_ended
from kullm_tui.ui.dialogs.consent import may_send
from kullm_tui.ui.models.facts import NOTHING_KNOWN, ModelFacts

if TYPE_CHECKING:
    from textual.timer import Timer

    from kullm_tui.core.asking.question import Answerer, Committed
    from kullm_tui.core.config.settings import Config
    from kullm_tui.core.store.history import Conversation, Turn
    from kullm_tui.core.store.store import Store

_DRAFT_SECONDS = 1.0  # of typing that a crash may lose
_WARM_SECONDS = 1.0  # after the screen is there, so that starting the engine takes nothing from its first keys


class ChatController(Controller[ChatView]):
    def __init__(self, screen: ChatView, replies: Replies) -> None:
        super().__init__(screen)
        self.turns: list[Turn] = []  # of the conversation on the screen, as far as they were read
        self.session = Session()  # of the conversation on the screen
        self._usual = self.session  # what was chosen last: of the next new one
        self.conversation: Conversation | None = None
        self.replies = replies
        self._facts = NOTHING_KNOWN
        self._unread: set[int] = set()
        self._drafts = Drafts(screen)
        self._saving: Timer | None = None
        self._committing = asyncio.Lock()
        self._showing = asyncio.Lock()  # what was read first must not be shown last

    async def begin(self) -> None:
        """Once the screen is there: the store, and what was used last."""
        app, nobody_chose = self.screen.host, self.session
        used = await asyncio.to_thread(last_used, app.config.model)
        if self.session is nobody_chose:
            self.session = self._usual = used
        await self._learn()
        store = await app.opened()
        self.screen.sidebar.store = store
        self.screen.sidebar.reload()
        await self._drafts.load(store)
        self._tell_editing()
        if app.goes_on:
            await self._go_on(store)
        self.screen.set_timer(_WARM_SECONDS, lambda: self.run(self._warm(), group="engine"))

    async def _warm(self) -> None:
        """The engine of this machine, where it may answer and there is room for it."""
        from kullm_tui.ui.models.warming import has_room

        if not self._facts.endpoint and self.screen.host.config.engine.warm and await has_room():
            self.screen.host.warm_engine()

    async def _go_on(self, store: Store) -> None:
        last = await asyncio.to_thread(store.latest_conversation)
        if last is None:
            self.screen.notice(say("이어 갈 대화가 아직 없어요.", "There is no conversation to go on with yet."))
        elif self.conversation is None and not self.answering and not self.busy:  # nobody was faster
            await self._open(last, None)

    async def close(self) -> None:
        """Every reply is stopped and written down as far as it came, and so is what was begun in the prompt."""
        await self.replies.close()
        with suppress(KullmError):  # the store was told of when it could not be opened
            await self._save_drafts()

    def take_store(self, store: Store) -> None:
        """Another file: what is on the screen is read from there, as far as it is there."""
        self.screen.sidebar.store = store
        self.screen.sidebar.reload()
        self._drafts.forget_written()
        if self.conversation:
            self.run(self._read_again(store, self.conversation.id))

    async def _read_again(self, store: Store, conversation_id: int) -> None:
        try:
            read = await asyncio.to_thread(store.conversation, conversation_id)
        except StoreError:
            read = None
        if self.conversation is None or self.conversation.id != conversation_id:
            return  # another was opened meanwhile
        if read is None:
            self.new_conversation()
        else:
            self.conversation = read
            await self.show(anew=True)

    @property
    def busy(self) -> bool:
        """A question is being committed."""
        return self._committing.locked()

    @property
    def answering(self) -> list[LiveReply]:
        """The replies on their way in the conversation on the screen."""
        return self.replies.of(self.conversation.id) if self.conversation else []

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(self, message: records.Message) -> None:
        editing, self._drafts.editing = self._drafts.editing, None
        self.run(self._ask(message, editing))

    async def _ask(self, message: records.Message, editing: Edited | None) -> None:
        sent, conversation = False, self.conversation
        try:
            if not await self._is_free():
                return
            async with self._committing:
                turns = self.turns
                parent = editing.parent_id if editing else (turns[-1].id if turns else None)
                sent = await self._send(message, parent)
        finally:
            if sent:
                self._drafts.sent(conversation)
            else:
                self._drafts.give_back(conversation, message, editing)
        await self._save_drafts()

    async def _is_free(self) -> bool:
        await self.replies.wait_for_ending(self.answering)
        return self.is_free(busy=bool(self.answering) or self.busy)

    async def _send(self, message: records.Message, parent_id: int | None) -> bool:
        """False where nothing was committed."""
        store, conversation, session = await self.screen.host.opened(), self.conversation, self.session
        answerer = await self._answerer(session)
        if answerer is None:
            return False
        from kullm_tui.core.asking.question import commit_question

        question = await asyncio.to_thread(commit_question, store, conversation, parent_id, message, session.system)
        if self.conversation is conversation:
            self.conversation = question.conversation
            self._drafts.begun(question.conversation)
        await self._answer(store, question, answerer)
        return True

    async def _answerer(self, session: Session) -> Answerer | None:
        """None where nothing may be sent there."""
        from kullm_tui.ui.conversation.asking import answerer_of

        answerer = await asyncio.to_thread(answerer_of, session, self.screen.host.config.endpoints)
        if answerer.target and not await may_send(self.screen.app, answerer.target):
            self.screen.notice(say("보내지 않았어요.", "Nothing was sent."))
            return None
        return answerer

    async def _answer(self, store: Store, question: Committed, answerer: Answerer) -> None:
        from kullm_tui.core.asking.question import open_reply, write_failure

        if answerer.target is None:
            reply_id = await asyncio.to_thread(write_failure, store, question, answerer)
        else:
            thinking = self.screen.host.config.thinking
            request, reply = await asyncio.to_thread(open_reply, store, question, answerer, thinking)
            self.replies.start(request, reply)
            reply_id = reply.reply_id
        if self.conversation and self.conversation.id == question.conversation.id:
            await self.show(reply_id)
            self.screen.thread.follow()
        self.mark()

    def regenerate(self, turn: Turn | None = None) -> None:
        """Another reply to the question of this turn, beside the one that is there."""
        question = question_of(self.turns, turn)
        if question:
            self.run(self._regenerate(question))

    async def _regenerate(self, question: Turn) -> None:
        conversation = self.conversation
        if conversation is None or not await self._is_free():
            return
        from kullm_tui.core.asking.question import Committed

        async with self._committing:
            store = await self.screen.host.opened()
            if answerer := await self._answerer(self.session):
                await self._answer(store, Committed(conversation, question.id), answerer)

    def edit(self, turn: Turn | None = None) -> None:
        """The question of this turn goes back into the prompt; sent again, it makes a branch."""
        question = question_of(self.turns, turn)
        if question:
            self._drafts.edit(Edited(question.id, question.parent_id), question)
            self.screen.prompt.focus()
            self._tell_editing()

    def say_of(self, verb: FeedbackVerb, turn: Turn) -> None:
        """What a person says of a reply: the answer that they wanted, or a mark."""
        self.run(self._say_of(verb, turn), group="feedback")

    async def _say_of(self, verb: FeedbackVerb, turn: Turn) -> None:
        conversation = self.conversation
        written = await self.feedback(verb, turn)
        if written is not None and self.conversation is conversation:
            await self.show(written if verb == "correct" else self.turns[-1].id)
            self.screen.thread.chosen = written if self.screen.thread.has_focus else None
        self.mark()

    def _tell_editing(self) -> None:
        told = say("고쳐서 보내면 새 갈래가 생겨요 · esc 취소", "Sent again, it makes a new branch · esc leaves it")
        self.screen.notice(told if self._drafts.editing else "")

    def stop_editing(self) -> None:
        self._drafts.stop_editing()

    def stop(self) -> bool:
        answering = self.answering
        for reply in answering:
            self.replies.stop(reply)
        return bool(answering)

    # -- a reply on its way --------------------------------------------------------------------------------------------

    def grew(self, reply: LiveReply) -> None:
        self.replies.taken(reply)
        self.screen.thread.grow(reply)
        if reply.pieces and self._is_shown(reply) and not self.screen.thread.following:
            self.screen.tell_unread(True)

    def ended(self, reply: LiveReply) -> None:
        rate = speed(reply.finished.timings, reply.finished.usage.completion_tokens) if reply.finished else None
        self.screen.host.status.set_speed(f"{rate:.0f} tok/s" if rate else "")
        if self._is_shown(reply):
            self._tell_editing()
            self.run(self._settle(reply))
        else:
            self._unread.add(reply.conversation_id)
        self.announce(reply.seconds, say(f"답이 왔어요: {reply.title}", f"A reply is here: {reply.title}"))
        self.mark()
        if not self._facts.endpoint:
            self.tell_memory()

    def saved(self, reply: LiveReply) -> None:
        if self._is_shown(reply):
            self.run(self._settle(reply))

    def typing(self) -> None:
        """A question is being written: whoever will answer it gets ready."""
        if not self._facts.endpoint:
            self.screen.host.warm_engine()
        if self._saving is None:
            self._saving = self.screen.set_timer(_DRAFT_SECONDS, self._save)

    def _save(self) -> None:
        self._saving = None
        self.run(self._save_drafts(), group="drafts")

    async def _save_drafts(self) -> None:
        if not self.busy:  # what is being sent is still a draft on the disk
            await self._drafts.save(await self.screen.host.opened())

    def _is_shown(self, reply: LiveReply) -> bool:
        return self.conversation is not None and reply.conversation_id == self.conversation.id

    async def _settle(self, reply: LiveReply) -> None:
        async with self._showing:
            store = await self.screen.host.opened()
            turns = await asyncio.to_thread(store.thread, reply.conversation_id, reply.reply_id)
            told = as_ended(turns[-1], reply)
            self.turns = [told if turn.id == told.id else turn for turn in self.turns]
            await self.screen.thread.settle(told)
        if not self.screen.thread.following:
            self.screen.tell_unread(True)
        self.screen.tell_context(self.turns)

    # -- what is on the screen -----------------------------------------------------------------------------------------

    async def show(self, leaf_id: int | None = None, *, anew: bool = False) -> None:
        """The conversation as far as this turn; without one, the branch that was chosen last."""
        async with self._showing:
            store, conversation = await self.screen.host.opened(), self.conversation
            turns = await asyncio.to_thread(store.thread, conversation.id, leaf_id) if conversation else []
            if self.conversation is conversation:
                self.turns = turns = self.screen.host.unsaved.over(turns)
                self.screen.tell_context(turns)
                await self.screen.thread.show(turns, self._facts.titles, anew=anew)
                if anew:
                    self.screen.prompt.remember((turn.content, turn.input) for turn in turns if turn.role == "user")

    def open(self, conversation: Conversation, message_id: int | None = None) -> None:
        self.run(self._open(conversation, message_id))

    async def _open(self, conversation: Conversation, message_id: int | None) -> None:
        store = await self.screen.host.opened()
        leaf = await asyncio.to_thread(store.leaf_below, message_id) if message_id is not None else None
        changed = self.conversation is None or self.conversation.id != conversation.id
        self._change(conversation) if changed else self._tell_editing()
        self.conversation = conversation
        self._unread.discard(conversation.id)
        self.screen.tell_unread(False)
        await self.show(leaf, anew=changed)
        if changed:
            self.session = session_of(self.turns, self._usual)
            await self._learn()
        if message_id is not None:
            await self.screen.thread.reveal(message_id)
        self.mark()

    def _change(self, conversation: Conversation | None) -> None:
        """Each conversation keeps what was begun in it and not sent."""
        self._drafts.change(conversation)
        self.conversation = conversation
        self._tell_editing()
        self.run(self._save_drafts(), group="drafts")

    def new_conversation(self) -> None:
        self._leave()
        self.screen.prompt.focus()

    def _leave(self) -> None:
        """To a new conversation, with what was chosen last and not with what was looked at."""
        self._change(None) if self.conversation else self._tell_editing()
        self.session = self._usual
        self.learn()
        self.run(self.show(anew=True))
        self.mark()

    def deleted(self, conversation: Conversation) -> None:
        for reply in self.replies.of(conversation.id):
            self.replies.stop(reply)
        if self.conversation and self.conversation.id == conversation.id:
            self._leave()  # the list keeps the focus: there it can be undone

    def switch_branch(self, turn: Turn, step: int) -> None:
        if self.conversation and (beside := turn.beside(step)) is not None:
            self.run(self._switch_branch(self.conversation, beside), group="branch")

    async def _switch_branch(self, conversation: Conversation, turn_id: int) -> None:
        await self.show(await self.choose_branch(conversation, turn_id))
        self.screen.thread.chosen = turn_id if self.screen.thread.has_focus else None

    def mark(self) -> None:
        open_id = self.conversation.id if self.conversation else None
        self.screen.sidebar.mark(open_id, self.replies.conversations, frozenset(self._unread))
        self.screen.refresh_bindings()

    # -- what is chosen ------------------------------------------------------------------------------------------------

    def chose(self, session: Session | None) -> None:
        """From a screen that changes it; None: nothing was changed."""
        if session is not None and session != self.session:
            self._usual = self._usual.changed_as(self.session, session)
            self.session = session
            self.run(self._keep_choice())

    async def _keep_choice(self) -> None:
        await self._learn()
        await asyncio.to_thread(remember, self._usual, self.screen.host.config.model)

    def learn(self) -> None:
        self.run(self._learn(), group="model")

    async def _learn(self) -> None:
        """What is to be shown of the chosen model."""
        session = self.session
        facts = await asyncio.to_thread(_found_out, session, self.screen.host.config)
        if session is not self.session:  # another one was chosen meanwhile, and is looked up by whoever chose it
            return
        self._facts = facts
        self.screen.tell_model(self._facts)
        self.screen.tell_context(self.turns)


def _found_out(session: Session, config: Config) -> ModelFacts:
    """Imported in the thread that asks, so that the screen is ready before."""
    from kullm_tui.ui.conversation.asking import facts_of_model

    return facts_of_model(session, config)
