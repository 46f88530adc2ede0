"""Files of conversations from anywhere: what they are is told from their content, and they come in whole or not at all."""

import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.language import say
from kullm_tui.core.store.portable import Imported, ImportProgress, PortableConversation
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import size_text
from kullm_tui.core.transfer.chatgpt import read_chatgpt
from kullm_tui.core.transfer.jsonl import read_jsonl
from kullm_tui.core.transfer.markdown import is_markdown, read_markdown

_LARGEST_BYTES = 1_000_000_000
_LARGEST_RATIO = 100  # text packs to a tenth; what packs a thousandfold is there to fill memory
_INNER = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json")
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class ReadFile:
    conversations: list[PortableConversation]
    unreadable: int = 0  # rows that are no conversation


def import_file(
    store: Store, path: Path, progress: ImportProgress = lambda *_: None, *, called: str = ""
) -> tuple[Imported, int]:
    """What became of it, and how many of its rows are no conversation. ImportRefused says what it is `called` and its fault."""
    try:
        read = read_file(path)
    except ImportRefused as fault:
        raise ImportRefused(f"{called or path}: {fault}") from fault
    return store.keep(read.conversations, progress), read.unreadable


def outcome(imported: Imported, unreadable: int) -> str:
    """For people: how many are new, went on, were there already."""
    parts = (
        (imported.new, say("새 대화 {}개", "{} new")),
        (imported.grown, say("이어진 대화 {}개", "{} grown")),
        (imported.known, say("이미 있는 대화 {}개", "{} already there")),
        (unreadable, say("읽을 것이 없는 항목 {}개", "{} entries with nothing to read")),
    )
    return ", ".join(text.format(f"{count:,}") for count, text in parts if count) or say(
        "대화 없음", "no conversations"
    )


def read_file(path: Path) -> ReadFile:
    try:
        if not path.is_file():
            raise ImportRefused(say("그런 파일이 없어요.", "there is no such file."))
        _require_bearable(path.stat().st_size)
        if zipfile.is_zipfile(path):
            return _from_zip(path)
        data = path.read_bytes()
    except OSError as error:
        reason = cause_of(error)
        raise ImportRefused(say(f"읽을 수 없어요({reason}).", f"it cannot be read ({reason}).")) from error
    return _from_text(data)


def _from_text(data: bytes) -> ReadFile:
    head = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:200]
    if not head:
        raise ImportRefused(say("빈 파일이에요.", "the file is empty."))
    if head.startswith(b"["):
        return ReadFile(*read_chatgpt(_json(data)))
    if head.startswith(b"{"):
        # One conversation of ChatGPT's, or lines of ours.
        first = head.split(b"\n")[0]
        return ReadFile(read_jsonl(data.split(b"\n"))) if b'"kullm"' in first else ReadFile(*read_chatgpt(_json(data)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(say("UTF-8이 아니에요.", "it is not UTF-8.")) from error
    if not is_markdown(text):
        raise ImportRefused(
            say(
                "아는 형식이 아니에요. kullm이 내보낸 JSONL이나 마크다운, ChatGPT가 내보낸 conversations.json이나 zip을 주세요.",
                "of no known form. Give what kullm exported (JSONL, Markdown) or ChatGPT's conversations.json or zip.",
            )
        )
    return ReadFile([read_markdown(text)])


def _from_zip(path: Path) -> ReadFile:
    rows: list[Any] = []
    try:
        with zipfile.ZipFile(path) as archive:
            inner = [entry for entry in archive.infolist() if _INNER.fullmatch(entry.filename)]
            if not inner:
                raise ImportRefused(
                    say("zip 안에 conversations.json이 없어요.", "there is no conversations.json in the zip.")
                )
            for entry in inner:
                if entry.file_size > _LARGEST_RATIO * max(entry.compress_size, 1000):
                    raise ImportRefused(say("zip이 수상할 만큼 크게 풀려요.", "the zip unpacks to suspiciously much."))
            _require_bearable(sum(entry.file_size for entry in inner))
            for entry in sorted(inner, key=lambda entry: entry.filename):
                found = _json(archive.read(entry))
                rows += found if isinstance(found, list) else [found]
    except _ZIP_FAULTS as error:
        raise ImportRefused(say("zip이 깨졌거나 암호가 걸려 있어요.", "the zip is damaged or encrypted.")) from error
    return ReadFile(*read_chatgpt(rows))


def _json(data: bytes) -> object:
    try:
        return foreign_json.parsed(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ImportRefused(say("UTF-8이 아니에요.", "it is not UTF-8.")) from error
    except (ValueError, RecursionError) as error:
        raise ImportRefused(say("JSON이 아니거나 중간에 끊겼어요.", "no JSON, or cut off in the middle.")) from error


def _require_bearable(size: int) -> None:
    if size > _LARGEST_BYTES:
        raise ImportRefused(
            say(f"너무 커요({size_text(size)}, 1 GB까지).", f"it is too large ({size_text(size)}; 1 GB at most).")
        )
