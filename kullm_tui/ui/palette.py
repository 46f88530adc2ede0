"""The command palette: every command of the table that works just now, themes, languages, conversations and models.

Titles come from outside, so nothing here goes through Textual's markup or its own highlighting, which reads markup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, cast, runtime_checkable

from textual.command import CommandInput, CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.content import Content
from textual.screen import Screen
from textual.widgets.option_list import Option

from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import interface_language, say
from kullm_tui.core.text import nfc
from kullm_tui.ui import themes
from kullm_tui.ui.host import Host, TakesModel, TakesText
from kullm_tui.ui.keymap.key import Key
from kullm_tui.ui.terminal.hangul_keys import strokes
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.key_bar import usable

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from kullm_tui.core.asking.thinking import ThinkingWish
    from kullm_tui.core.config.settings import Notify
    from kullm_tui.core.store.history import Conversation
    from kullm_tui.core.store.store import Store

T = TypeVar("T")

_RECENT = 8
_FOUND = 20
_WIDEST_TITLE = 60
# These are pressed, not looked for.
_NOT_LISTED = {
    *("command_palette", "send", "newline", "earlier", "later", "to_thread", "page_up", "page_down", "stop"),
    *("next_column", "columns_up", "columns_down", "stop_columns", "vote"),
}
_COMMAND, _CONVERSATION, _MODEL = 3.0, 2.0, 1.0  # what stands above what


class PaletteHost(Host, Protocol):
    """The app, as far as its commands go."""

    theme: str

    def action_judge_settings(self) -> None: ...

    def action_feedback(self) -> Awaitable[None]: ...

    def action_study(self) -> Awaitable[None]: ...

    def simulate_key(self, key: str) -> None: ...

    def notify(self, message: str, *, severity: SeverityLevel = ..., markup: bool = ...) -> None: ...

    async def choose_theme(self, name: str) -> None: ...

    async def choose_language(self, language: str) -> None: ...

    async def choose_notify(self, way: Notify) -> None: ...

    async def choose_thinking(self, wish: ThinkingWish) -> None: ...


@runtime_checkable
class OpensConversations(Protocol):
    """A screen that shows a conversation that was found here."""

    def open_conversation(self, conversation: Conversation, message_id: int | None) -> None: ...


@runtime_checkable
class MovesConversations(Protocol):
    """A screen that takes conversations out into files and in from them."""

    def export_conversation(self) -> None: ...

    def export_conversations(self) -> None: ...

    def import_conversations(self) -> None: ...


@dataclass(frozen=True)
class Command:
    title: str
    hint: str
    words: str  # what finds it, in both languages
    run: Callable[[], object]

    def shown(self, query: str = "") -> Content:
        return Content.assemble(marked(self.title, query), "  ", (self.hint, "dim"))


class Palette(CommandPalette):
    def __init__(self) -> None:
        super().__init__([Everything], placeholder=say("명령, 대화, 모델 찾기", "Find commands, conversations, models"))

    def on_mount(self) -> None:
        self.query_one(SearchIcon).icon = "⌕"
        self.query_one(CommandInput).cursor_blink = False

    def _start_no_matches_countdown(self, search_value: str) -> None:
        def tell() -> None:
            self._list_visible = bool(search_value)
            if search_value:
                nothing = Content(say("찾지 못했어요", "Nothing found"))
                self.query_one(CommandList).add_option(Option(nothing, disabled=True, id=self._NO_MATCHES))

        self._stop_no_matches_countdown()
        self._no_matches_timer = self.set_timer(self._NO_MATCHES_COUNTDOWN, tell)


class Everything(Provider):
    @property
    def _app(self) -> PaletteHost:
        return cast("PaletteHost", self.app)

    async def discover(self) -> Hits:
        for command in commands(self._app, self.screen):
            yield DiscoveryHit(command.shown(), command.run, text=command.title)
        for conversation in await self._stored(lambda store: store.conversations(limit=_RECENT)):
            yield DiscoveryHit(_shown(conversation.title), self._opener(conversation), text=_title(conversation.title))

    async def search(self, query: str) -> Hits:
        query = nfc(query).strip()
        for place, command in enumerate(commands(self._app, self.screen)):
            if matches(command.words, query):
                yield Hit(_COMMAND - place / 1000, command.shown(query), command.run, text=command.title)
        hits = await self._stored(lambda store: store.search(query, limit=_FOUND))
        for place, found in enumerate(hits):
            title = found.conversation.title
            shown = _shown(title, query, "" if found.message_id is None else found.excerpt)
            opener = self._opener(found.conversation, found.message_id)
            yield Hit(_CONVERSATION - place / 1000, shown, opener, text=_title(title))
        for name, about in await self._models():
            if matches(name, query) and isinstance(self.screen, TakesModel):
                shown = Content.assemble(marked(name, query), "  ", (about, "dim"))
                yield Hit(_MODEL, shown, partial(self.screen.use_model, name), text=name)

    async def _stored(self, read: Callable[[Store], list[T]]) -> list[T]:
        """Of the conversations, where the screen can open one."""
        if not isinstance(self.screen, OpensConversations):
            return []
        try:
            store = await self._app.opened()
            return await asyncio.to_thread(read, store)
        except KullmError:  # told where the store was opened
            return []

    async def _models(self) -> list[tuple[str, str]]:
        if not isinstance(self.screen, TakesModel):
            return []
        try:
            return await asyncio.to_thread(_profiles)
        except KullmError:  # a broken models.toml is told by the model browser
            return []

    def _opener(self, conversation: Conversation, message_id: int | None = None) -> Callable[[], object]:
        assert isinstance(self.screen, OpensConversations)
        return partial(self.screen.open_conversation, conversation, message_id)


def commands(app: PaletteHost, screen: Screen[object]) -> Iterator[Command]:
    for key in usable(screen):
        if key.action not in _NOT_LISTED and "(" not in key.action:
            yield _of(key, app)
    settings = say("채점 설정: 채점자·기준·예산", "Judge: model, rubric, budget")
    yield Command(settings, "", f"{settings} 채점 예산 judge rubric budget", app.action_judge_settings)
    feedback = say("피드백: 고친 답, 표시, 투표", "Feedback: corrections, marks, votes")
    yield Command(feedback, "", f"{feedback} 피드백 고친 답 투표 feedback corrections votes", app.action_feedback)
    study = say("연구: 논문의 실험을 처음부터 끝까지", "Studies: the paper's experiment from sources to report")
    yield Command(study, "", f"{study} 연구 논문 실험 보고서 study paper experiment report", app.action_study)
    if isinstance(screen, MovesConversations):
        for korean, english, run in (
            ("이 대화 내보내기", "Export this conversation", screen.export_conversation),
            ("모든 대화 내보내기", "Export all conversations", screen.export_conversations),
            ("대화 가져오기", "Import conversations", screen.import_conversations),
        ):
            yield Command(say(korean, english), "", f"{korean} {english} 파일 저장 file save", run)
    if isinstance(screen, TakesText):
        yield from _phrases(app, screen)
    yield from _choices(app)
    if screen.is_modal:  # a dialog's words were put together by whoever opened it
        return
    other, title = ("en", "Language: English") if interface_language() == "ko" else ("ko", "언어: 한국어")
    yield Command(title, "", "언어 language english 한국어 korean", partial(app.choose_language, other))


def _phrases(app: PaletteHost, screen: TakesText) -> Iterator[Command]:
    """The user's own questions; a file that cannot be read is one line that says why."""
    from kullm_tui.ui.conversation.phrases import phrases

    try:
        for one in phrases():
            title = f"{say('질문', 'Prompt')}: {safe_line(one.title)}"
            yield Command(title, "", f"{title} 질문 prompt {one.name}", partial(screen.write, one.text))
    except ConfigError as error:
        title = say("질문 파일을 읽지 못했어요", "The file of prompts cannot be read")
        yield Command(
            title, "", f"{title} 질문 prompt", partial(app.notify, str(error), severity="error", markup=False)
        )


def _choices(app: PaletteHost) -> Iterator[Command]:
    """Of settings with a few values: those that are not chosen."""
    for name, korean, english in _THEMES:
        if name != app.theme:
            title = f"{say('테마', 'Theme')}: {say(korean, english)}"
            yield Command(title, "", f"테마 theme {korean} {english} {name}", partial(app.choose_theme, name))
    for way, korean, english in _NOTICES:
        if way != (app.config.notify or "auto"):
            title = f"{say('긴 답이 끝나면', 'When a long reply ends')}: {say(korean, english)}"
            yield Command(title, "", f"알림 notify {korean} {english} {way}", partial(app.choose_notify, way))
    for wish, korean, english in _THINKING:
        if wish != (app.config.thinking or "fold"):
            title = f"{say('모델의 생각', 'What models think')}: {say(korean, english)}"
            yield Command(title, "", f"생각 thinking think {korean} {english}", partial(app.choose_thinking, wish))


_THEMES = (
    (themes.NAMES[0], "어둡게", "dark"),
    (themes.NAMES[1], "밝게", "light"),
    (themes.NAMES[2], "터미널 색(어두운 바탕)", "the terminal's colours (dark)"),
    (themes.NAMES[3], "터미널 색(밝은 바탕)", "the terminal's colours (light)"),
)


_NOTICES: tuple[tuple[Notify, str, str], ...] = (
    ("auto", "벨, 되는 터미널이면 알림도", "the bell, and a notice where the terminal shows them"),
    ("bell", "벨만", "the bell alone"),
    ("desktop", "바탕 화면 알림만", "a desktop notice alone"),
    ("off", "알리지 않기", "nothing"),
)


_THINKING: tuple[tuple[ThinkingWish, str, str], ...] = (
    ("fold", "접어 두고 답만 이어 보내기", "folded, and only answers are sent on"),
    ("keep", "답의 일부로 남기기", "kept as a part of the answer"),
)


def _of(key: Key, app: PaletteHost) -> Command:
    key = app.own_keys.of(key)
    pressed = key.key.partition(",")[0]
    words = " ".join((key.korean, key.english, *key.told, key.display, pressed))
    return Command(key.told_whole, key.display, words, partial(app.simulate_key, pressed))


def matches(words: str, query: str) -> bool:
    """Every word of the query is in it, or what its keys would have typed in Latin: ㅡㅐㅇ디 finds models."""
    words = words.casefold()
    return all(part in words or strokes(part).casefold() in words for part in query.casefold().split())


def marked(text: str, query: str) -> Content:
    """The text with what was looked for underlined."""
    content, lower = Content(text), text.casefold()
    if len(lower) != len(text):
        return content
    for part in query.casefold().split():
        at = lower.find(part)
        if at >= 0:
            content = content.stylize("underline", at, at + len(part))
    return content


def _shown(title: str, query: str = "", excerpt: str = "") -> Content:
    head = Content.assemble(("▸ ", "dim"), marked(_title(title), query))
    if not excerpt:
        return head
    return Content.assemble(head, "  ", marked(safe_line(excerpt), query).stylize_before("dim"))


def _title(title: str) -> str:
    return Content(safe_line(title)).truncate(_WIDEST_TITLE, ellipsis=True).plain


def _profiles() -> list[tuple[str, str]]:
    from kullm_tui.core.models.profiles import all_profiles

    return [(safe_line(name), safe_line(profile.about)) for name, profile in all_profiles().items()]
