"""Which columns of a row are read, and as what. Columns that only look like ours are never read unasked: they are named, and the run refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from data.sources.columns import likely, mapped, usable
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say


def require_columns(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], source: str) -> None:
    """Refuse a source whose first rows cannot be read, or could be read in two ways."""
    present = list(dict.fromkeys(str(name) for row in rows for name in row))
    missing = [theirs for theirs in columns.values() if theirs and theirs not in present]
    seen = [mapped(row, columns) for row in rows]
    if missing or not any(map(usable, seen)):
        raise _refused(source, present, missing, _set(likely(present, columns)))
    if any("conversations" in found and "output" in found for found in seen):
        raise _two_forms(source)
    written_as_input = any("output" in found for found in seen) and not any("input" in found for found in seen)
    unread = _set(likely(present, columns, ("input",))) if written_as_input and "input" not in columns else []
    if unread and "input" not in present:
        raise _unread(source, unread)


def _set(columns: Mapping[str, str]) -> list[str]:
    return [f"data.columns.{ours}={theirs}" for ours, theirs in columns.items()]


def _refused(source: str, present: Sequence[str], missing: Sequence[str], likely: Sequence[str]) -> ConfigError:
    listed = ", ".join(present) or say("없음", "none")
    absent = say(f"{', '.join(missing)} 열이 없어요. ", f"has no column {', '.join(missing)}. ") if missing else ""
    hint = " ".join(f"--set {one}" for one in likely) or "--set data.columns.instruction=… --set data.columns.output=…"
    likely_korean = "아마 이것일 거예요" if likely else "어느 열을 읽을지 알려 주세요"
    return ConfigError(
        say(
            f"{source}: {absent}instruction과 output 열, 또는 conversations 열이 있어야 해요. 지금 있는 열: {listed}\n{likely_korean}: {hint}",
            f"{source}: {absent}it needs the columns instruction and output, or conversations; it has: {listed}\n"
            f"{'Most likely' if likely else 'Say which columns to read'}: {hint}",
        )
    )


def _two_forms(source: str) -> ConfigError:
    return ConfigError(
        say(
            f"{source}: 한 행에 conversations와 output이 함께 있어 어느 쪽을 학습할지 알 수 없어요.\n"
            "--set data.columns.conversations=conversations 또는 --set data.columns.output=output으로 골라 주세요.",
            f"{source}: rows hold conversations and output at once, so either could be trained.\n"
            "Choose with --set data.columns.conversations=conversations or --set data.columns.output=output.",
        )
    )


def _unread(source: str, unread: Sequence[str]) -> ConfigError:
    name = unread[0].partition("=")[2]
    return ConfigError(
        say(
            f'{source}: input 열이 없고 {name} 열은 읽히지 않아요.\n입력으로 쓰려면 --set {unread[0]}, 쓰지 않으려면 --set data.columns.input=""를 붙이세요.',
            f"{source}: there is no column input, and the column {name} would not be read.\n"
            f'To use it: --set {unread[0]}. To leave it out: --set data.columns.input="".',
        )
    )
