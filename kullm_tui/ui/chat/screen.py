"""The chat: the conversations on the left, the thread, and the prompt under it. What it does with a question is `ChatController`'s business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets._static import Static

from kullm_tui.core.asking.messages import next_messages
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.ui.chat.controller import ChatController
from kullm_tui.ui.chat.sidebar import Conversations
from kullm_tui.ui.chat.welcome import Welcome
from kullm_tui.ui.conversation.copy import copy_turn
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.messages import ReplyEnded
from kullm_tui.ui.conversation.screen import ConversationScreen
from kullm_tui.ui.conversation.text import name_of
from kullm_tui.ui.conversation.thread import Thread
from kullm_tui.ui.conversation.turn import TurnView
from kullm_tui.ui.keymap import CHAT, bindings
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.models.facts import ModelFacts
from kullm_tui.ui.widgets.gauge import Gauge
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Conversation, Turn
    from kullm_tui.ui.chat.host import ChatHost
    from kullm_tui.ui.dialogs.text_file import Attachment
    from kullm_tui.ui.models.choices import ModelChoice

PRECISIONS = {"4bit": "4-bit", "8bit": "8-bit", "bf16": "bf16", "fp32": "fp32"}


class NewBelow(Static):
    """Says that there is more below than the reader sees; a click goes there."""

    def relabel(self) -> None:
        self.update(say("새 답 ↓  ^End", "new reply ↓  ^End"))

    def on_click(self) -> None:
        self.screen.query_one(Thread).follow()


class ChatScreen(ConversationScreen):
    controller: ChatController
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(CHAT), Binding("f8", "switch_model", show=False)]
    CSS = """
    ChatScreen Welcome Button { width: 100%; background: transparent; text-align: left; content-align: left middle; padding: 0 1; }
    ChatScreen Welcome Button:focus { background: $accent; }
    """
    DEFAULT_CSS = """
    ChatScreen #body { height: 1fr; }
    ChatScreen #talk { width: 1fr; height: 1fr; }
    ChatScreen Thread { display: none; }
    ChatScreen.-talking Thread { display: block; }
    ChatScreen.-talking Welcome { display: none; }
    ChatScreen NewBelow { height: 1; width: 1fr; text-align: center; color: $accent; display: none; }
    ChatScreen NewBelow.-shown { display: block; }
    ChatScreen #foot { height: 1; }
    ChatScreen Gauge { margin: 0 1; }
    ChatScreen.-narrow TurnView Byline { dock: top; width: 1fr; margin: 0; }
    ChatScreen.-narrow Thread { padding: 1 0 0 0; }
    ChatScreen.-narrow Conversations { display: none; }
    ChatScreen.-narrow.-listing Conversations { display: block; width: 1fr; border-right: none; }
    ChatScreen.-narrow.-listing #talk { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.controller = ChatController(self, Replies(self))
        self._room = 0

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        with Horizontal(id="body"):
            yield Conversations()
            with Vertical(id="talk"):
                yield Welcome()
                yield Thread(self.controller.replies)
                yield NewBelow(id="new-below", markup=False)
                yield Notice()
                yield self.prompt
        with Horizontal(id="foot"):
            yield KeyBar()
            yield Gauge()

    @property
    def host(self) -> ChatHost:
        return cast("ChatHost", self.app)

    # -- parts ---------------------------------------------------------------------------------------------------------

    @property
    def thread(self) -> Thread:
        return self.query_one(Thread)

    @property
    def sidebar(self) -> Conversations:
        return self.query_one(Conversations)

    def notice(self, text: str = "", *, error: bool = False) -> None:
        """A line above the prompt; empty takes it away."""
        self.query_one(Notice).tell(text, error=error)
        if text and self.has_class("-narrow") and self.has_class("-listing"):  # the list covers that line
            self.sidebar.tell(text)

    def tell_unread(self, unread: bool) -> None:
        marker = self.query_one(NewBelow)
        marker.set_class(unread, "-shown")
        marker.relabel()

    def relabel(self) -> None:
        self.controller.learn()  # the names of models and personas

    def tell_model(self, facts: ModelFacts) -> None:
        name = name_of(facts.title, facts.adapter, {})
        precision = "" if facts.endpoint or facts.demo else PRECISIONS[self.host.config.engine.precision]
        self.host.status.set_model("chat", " · ".join(filter(None, (name, facts.persona, precision))))
        self.query_one(Welcome).show(name, demo=facts.demo, persona=facts.persona)
        self._room = facts.context

    def tell_context(self, turns: Sequence[Turn]) -> None:
        """How full the context is after the last reply that told."""
        self.set_class(bool(turns), "-talking")
        told = next((turn for turn in reversed(turns) if turn.prompt_tokens), None)
        used = (told.prompt_tokens or 0) + (told.completion_tokens or 0) if told else None
        self.query_one(Gauge).show(used, self._room)
        self.refresh_bindings()

    # -- the prompt ----------------------------------------------------------------------------------------------------

    @on(Welcome.Picked)
    def _picked(self, event: Welcome.Picked) -> None:
        event.stop()
        self.prompt.focus()
        self.controller.ask(Message("user", event.question))

    # -- a reply on its way --------------------------------------------------------------------------------------------

    @on(ReplyEnded)
    def _ended(self, event: ReplyEnded) -> None:
        self.controller.ended(event.reply)

    # -- the thread ----------------------------------------------------------------------------------------------------

    @on(Thread.Followed)
    def _followed(self, event: Thread.Followed) -> None:
        event.stop()
        if event.following:
            self.tell_unread(False)

    @on(Thread.Left)
    @on(Conversations.Left)
    def _to_prompt(self) -> None:
        self.remove_class("-listing")
        self.prompt.focus()

    @on(TurnView.BranchAsked)
    def _branch(self, event: TurnView.BranchAsked) -> None:
        event.stop()
        self.controller.switch_branch(event.turn, event.step)

    @on(Thread.TurnAction)
    def _turn_action(self, event: Thread.TurnAction) -> None:
        event.stop()
        if event.action == "edit":
            self.controller.edit(event.view.turn)
        elif event.action == "regenerate":
            self.controller.regenerate(event.view.turn)
        else:
            self.controller.say_of(event.action, event.view.turn)

    # -- the sidebar ---------------------------------------------------------------------------------------------------

    @on(Conversations.Opened)
    def _opened(self, event: Conversations.Opened) -> None:
        event.stop()
        self.remove_class("-listing")
        self.controller.open(event.conversation, event.message_id)
        self.prompt.focus()

    @on(Conversations.Failed)
    async def _sidebar_failed(self, event: Conversations.Failed) -> None:
        event.stop()
        self.run_worker(self.controller.failed(event.error), group="controller", exit_on_error=False)

    @on(Conversations.ExportAsked)
    def _export_asked(self, event: Conversations.ExportAsked) -> None:
        event.stop()
        self._export(event.conversation)

    def _export(self, conversation: Conversation | None = None) -> None:
        from kullm_tui.ui.chat.transfer import export

        self.controller.run(export(self, conversation), group="moving")

    @on(Conversations.ImportAsked)
    def import_conversations(self) -> None:
        from kullm_tui.ui.chat.transfer import import_some

        self.controller.run(import_some(self, self.sidebar.reload), group="moving")

    @on(Conversations.Deleted)
    def _deleted(self, event: Conversations.Deleted) -> None:
        event.stop()
        self.controller.deleted(event.conversation)

    # -- for whoever finds something elsewhere: the palette, the model browser ------------------------------------------

    def open_conversation(self, conversation: Conversation, message_id: int | None) -> None:
        self.controller.open(conversation, message_id)
        self.prompt.focus()

    def export_conversation(self) -> None:
        """The one on the screen."""
        if self.controller.conversation:
            self._export(self.controller.conversation)
        else:
            self.notice(
                say("이 대화에는 아직 내보낼 것이 없어요.", "There is nothing to export in this conversation yet.")
            )

    def export_conversations(self) -> None:
        self._export()

    def use_model(self, name: str, adapter: str = "") -> None:
        self.controller.chose(replace(self.controller.session, model=name, adapter=adapter))

    def talk_anew(self, name: str, adapter: str) -> None:
        """From the trainings: a new conversation with these."""
        if self.controller.conversation:
            self.controller.new_conversation()
        self.use_model(name, adapter)
        self.prompt.focus()

    def stop_replies(self) -> bool:
        return self.controller.stop() or self.thread.stop_judging()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def holds(self, when: When) -> bool:
        if when == "streaming":
            return bool(self.controller.answering) or self.thread.is_judging
        if when == "asked":
            return not self.controller.answering and self.thread.holds("asked")
        return self.thread.holds(when)

    def action_stop(self) -> None:
        """Stops what streams; else leaves what is open, back to the prompt."""
        if self.stop_replies():
            return
        self.controller.stop_editing()
        self.notice()
        self._to_prompt()

    def action_regenerate(self) -> None:
        self.controller.regenerate()

    def action_judge(self) -> None:
        self.thread.action_judge()

    def action_edit_last(self) -> None:
        self.controller.edit()

    def action_new_conversation(self) -> None:
        self.controller.new_conversation()

    def action_conversations(self) -> None:
        if self.sidebar.has_focus_within:
            self._to_prompt()
        else:
            self.add_class("-listing")
            self.sidebar.focus_search()

    def action_copy_last(self) -> None:
        replies = [view for view in self.thread.views if view.turn.role == "assistant"]
        if replies:
            self.controller.run(copy_turn(self.app, replies[-1], code=False))

    def action_page_up(self) -> None:
        self.thread.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        self.thread.scroll_page_down(animate=False)

    def action_newest(self) -> None:
        self.thread.follow()

    def action_toggle_input(self) -> None:
        self.prompt.toggle_input()

    def action_parameters(self) -> None:
        from kullm_tui.ui.conversation.settings_dialog import ParametersScreen

        self.app.push_screen(ParametersScreen(self.controller.session), self.controller.chose)

    def action_switch_model(self) -> None:
        from kullm_tui.ui.models.choices import ModelChoice
        from kullm_tui.ui.models.picker_dialog import SwitcherScreen

        session = self.controller.session
        self.app.push_screen(SwitcherScreen(ModelChoice(session.model, session.adapter)), self._model_chosen)

    def _model_chosen(self, chosen: ModelChoice | None) -> None:
        if chosen:
            self.use_model(chosen.model, chosen.adapter)

    def action_show_prompt(self) -> None:
        from kullm_tui.ui.conversation.prompt_dialog import PromptScreen

        draft, session = self.prompt.value, self.controller.session
        asked = Message("user", draft.text, draft.input) if draft.text.strip() else None
        would_be_told = next_messages(self.controller.turns, asked, session.system)
        self.app.push_screen(PromptScreen(session, would_be_told))

    def action_attach(self) -> None:
        from kullm_tui.ui.dialogs.open_file import text_file

        self.app.push_screen(
            text_file(say("어떤 텍스트 파일을 첨부할까요?", "Which text file?")), self._take_attachment
        )

    def _take_attachment(self, attachment: Attachment | None) -> None:
        if attachment is None:
            return
        prompt, draft = self.prompt, self.prompt.value
        if prompt.with_input and not draft.input:
            prompt.set(draft.text, attachment.text)
        else:
            prompt.set(f"{draft.text}\n\n{attachment.fenced}" if draft.text else attachment.fenced, draft.input)
        prompt.focus()
        size = f"{len(attachment.text):,}"
        self.notice(
            say(
                f"{attachment.name} 첨부함 · {size}자 · {attachment.encoding}",
                f"{attachment.name} attached · {size} characters · {attachment.encoding}",
            )
        )
