"""Conversations out of the app into a file, and in from one."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kullm_tui.core.errors import ImportRefused, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.core.transfer.export_file import export_file, form_of
from kullm_tui.core.transfer.import_file import import_file, outcome
from kullm_tui.ui.conversation.controller import View
from kullm_tui.ui.dialogs.open_file import OpenFile
from kullm_tui.ui.dialogs.save_file import ask_where

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.core.store.history import Conversation
    from kullm_tui.core.store.store import Store

_UNFIT = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')  # for the name of a file, here or where it is taken to
_LONGEST_NAME = 60  # characters, of at most three bytes
_PROGRESS_SECONDS = 0.2


async def export(view: View, conversation: Conversation | None = None) -> None:
    """Into a file; all of them where none is named."""
    store = await view.host.opened()
    told = await (_export_one(view.app, store, conversation) if conversation else _export_all(view.app, store))
    if told:
        view.notice(told)


async def import_some(view: View, imported: Callable[[], None]) -> None:
    """From a file; `imported` is called once they are there."""
    told = await _import(view.app, await view.host.opened(), view.notice)
    if told:
        view.notice(told)
        imported()


async def _export_one(app: App[int], store: Store, conversation: Conversation) -> str:
    """What became of it; empty where nobody wanted it any more."""
    path = await ask_where(
        app,
        say("대화를 저장할 파일", "A file for the conversation"),
        value=f"~/{_file_name(conversation.title)}.md",
        more=say(
            ".md는 지금 갈래를 읽기 좋게, .jsonl은 모든 갈래를 빠짐없이 써요.",
            ".md holds this branch, to be read; .jsonl every branch, complete.",
        ),
    )
    return await _exported(store, [conversation.id], path) if path else ""


async def _export_all(app: App[int], store: Store) -> str:
    if not await asyncio.to_thread(partial(store.conversations, limit=1)):
        return say("저장할 대화가 없어요.", "There are no conversations.")
    path = await ask_where(
        app,
        say("모든 대화를 저장할 파일", "A file for all conversations"),
        value=f"~/kullm-{time.strftime('%Y-%m-%d')}.jsonl",
        more=say(
            "한 줄에 대화 하나씩, 갈래까지 빠짐없이 써요. 가져오면 그대로 돌아와요.",
            "One conversation a line, with every branch; importing brings all of it back.",
        ),
        fault=_not_for_all,
    )
    return await _exported(store, [], path) if path else ""


def _not_for_all(line: str) -> str | None:
    if form_of(Path(line)) == "jsonl":
        return None
    return say("마크다운은 대화를 하나씩만 담아요. .jsonl로 해 주세요.", "Markdown holds one conversation. Use .jsonl.")


async def _exported(store: Store, ids: list[int], path: Path) -> str:
    count = len(ids) or len(await asyncio.to_thread(store.conversations))
    await asyncio.to_thread(export_file, store, ids, path)
    return say(f"대화 {count:,}개를 {path}에 저장했어요.", f"Saved {count:,} in {path}.")


async def _import(app: App[int], store: Store, tell: Callable[[str], None]) -> str:
    """All or nothing of a file. `tell` hears how far it is."""
    path = await app.push_screen_wait(
        OpenFile(
            _there,
            say("어떤 파일에서 대화를 가져올까요?", "Which file are the conversations in?"),
            say("kullm의 JSONL·마크다운, ChatGPT의 zip", "kullm's JSONL or Markdown, ChatGPT's zip"),
        )
    )
    if path is None:
        return ""
    tell(say(f"{path.name}에서 가져오는 중이에요.", f"Importing from {path.name}."))
    is_over = False

    def tell_meanwhile(text: str) -> None:
        if not is_over:  # what is still on its way then would stand over the outcome
            tell(text)

    told_so_far = partial(progress(tell_meanwhile), app)
    try:
        imported, unreadable = await asyncio.to_thread(import_file, store, path, told_so_far, called=path.name)
    finally:
        is_over = True
    told = outcome(imported, unreadable)
    if not imported.new and not imported.grown:
        return say(f"새로 가져올 것이 없었어요: {told}", f"Nothing new to import: {told}")
    return say(f"{path.name}에서 가져왔어요: {told}", f"Imported from {path.name}: {told}")


def _there(path: Path) -> Path:
    name = terminal_safe(path.name)
    if path.is_dir():
        raise UsageError(say(f"{name}: 폴더예요. 파일을 골라 주세요.", f"{name} is a folder. Choose a file."))
    if not path.is_file():
        raise UsageError(say(f"그런 파일이 없어요: {name}", f"There is no such file: {name}"))
    return path


def progress(
    tell: Callable[[str], None], every: float = _PROGRESS_SECONDS
) -> Callable[[App[int], Literal["keep", "index"], int, int], None]:
    """Called in the thread that imports, for every conversation. Where the app ends, so does the import, with nothing kept."""
    last = time.monotonic()

    def tell_progress(app: App[int], step: Literal["keep", "index"], done: int, total: int) -> None:
        nonlocal last
        if not app.is_running:
            raise ImportRefused(say("가져오기를 취소했어요.", "The import was left."))
        if time.monotonic() - last > every:
            last = time.monotonic()
            doing = say("가져오는 중", "Importing") if step == "keep" else say("찾을 수 있게 정리하는 중", "Indexing")
            app.call_later(tell, f"{doing} … {done:,}/{total:,}")

    return tell_progress


def _file_name(title: str) -> str:
    name = _UNFIT.sub(" ", terminal_safe(title)).strip(" .")[:_LONGEST_NAME].strip()
    return name or say("대화", "conversation")
