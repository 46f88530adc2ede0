"""What `kullm doctor` finds out about the terminal itself: its keys, its clipboard, its colours, its widths, Korean as it is typed.

A terminal that does not answer the first question is asked no other. Esc skips a question to the person, ctrl-c all that is left.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kullm_tui.core.desktop import is_remote
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.doctor.result import Result
from kullm_tui.doctor.terminal_io import KITTY_OFF, KITTY_ON, Interrupted, TerminalTalk, raw
from kullm_tui.doctor.typing import GREETING, judge

_TYPING_SECONDS = 60.0
_KEYBOARD, _SCREEN = 0, 1  # descriptors
_ASKING_SECONDS = 1.0
_TMUX_SECONDS = 2.0

# Every terminal answers the second question, so that one which does not know the first is not waited for.
_KITTY_QUERY = "\x1b[?u\x1b[c"
_KITTY_ANSWER = re.compile(rb"(?:\x1b\[\?(\d+)u)?.*?\x1b\[\?([\d;]+)c", re.DOTALL)
# A colour is set and the terminal asked what it took it for.
_COLOUR_QUERY = "\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b[0m\x1b[c"
_COLOUR_ANSWER = re.compile(rb"(\x1bP[01]\$r[^\x1b]*\x1b\\)?.*?\x1b\[\?[\d;]+c", re.DOTALL)
_OUR_COLOUR = re.compile(rb"48[:;]2[:;]+(?:[01][:;]+)?1[:;]2[:;]3")
_OSC52_ATTRIBUTE = "52"

# What the app draws, and the cells that it takes each for. Box characters are of ambiguous width.
_WIDTHS = (("가힣", 4), ("🙂", 2), ("─│▌", 3), ("…·", 2), ("‹›", 2))
_AMBIGUOUS = ("─│▌", "…·", "‹›")


@dataclass(frozen=True)
class Abilities:
    """What the terminal said of itself. `kitty` is None where it does not speak that protocol."""

    kitty: int | None
    attributes: tuple[str, ...]


def can_be_asked() -> bool:
    streams = (sys.__stdin__, sys.__stdout__)
    return all(stream is not None and stream.isatty() for stream in streams) and os.environ.get("TERM") != "dumb"


def examine(show: Callable[[Result], None]) -> None:
    """Each result as it is found."""
    for result in _surroundings(os.environ):
        show(result)
    talk = TerminalTalk(_KEYBOARD, _SCREEN, seconds=_ASKING_SECONDS)
    try:
        for result in _answers(talk):
            show(result)
    except Interrupted:
        show(
            Result(say("터미널 시험", "terminal test"), "notice", say("나머지는 건너뛰었어요", "the rest was skipped"))
        )


def _answers(talk: TerminalTalk) -> Iterator[Result]:
    with raw(_KEYBOARD):
        abilities = _abilities(talk)
    if abilities is None:
        yield _silent()
        return
    yield _keys(abilities)
    with raw(_KEYBOARD):
        colours = _colours(talk)
        widths = [(sample, want, _width(talk, sample)) for sample, want in _WIDTHS]
    yield colours
    yield _widths(widths)
    yield _clipboard(abilities, os.environ)
    yield _typing(talk, abilities)


def _abilities(talk: TerminalTalk) -> Abilities | None:
    found = talk.ask(_KITTY_QUERY, _KITTY_ANSWER)
    if found is None:
        return None
    return Abilities(int(found[1]) if found[1] else None, tuple(found[2].decode().split(";")))


def _silent() -> Result:
    return Result(
        say("터미널 시험", "terminal test"),
        "notice",
        say(
            "터미널이 물음에 답하지 않아 더 시험하지 못했어요. 사람이 쓰는 터미널에서 다시 해 보세요.",
            "the terminal answers no questions, so nothing more was tested. Try in a terminal that a person uses.",
        ),
    )


def _keys(abilities: Abilities) -> Result:
    subject = say("키", "keys")
    if abilities.kitty is None:
        return Result(
            subject,
            "fine",
            say(
                "예전 방식이에요. ⇧⏎ 대신 ^j로 줄을 바꿔요.",
                "legacy protocol: Ctrl+J makes a new line where Shift+Enter does not.",
            ),
        )
    if _is_iterm():
        return Result(
            subject,
            "fine",
            say(
                "kitty 방식을 지원하지만 iTerm2에서는 한글이 사라져서 쓰지 않아요.",
                "kitty protocol; not used in iTerm2, where it drops Hangul.",
            ),
        )
    return Result(
        subject, "fine", say("kitty 방식이에요. ⇧⏎로 줄을 바꿔요.", "kitty protocol: Shift+Enter makes a new line.")
    )


def _is_iterm() -> bool:
    return os.environ.get("LC_TERMINAL") == "iTerm2" or os.environ.get("TERM_PROGRAM") == "iTerm.app"


def _colours(talk: TerminalTalk) -> Result:
    """Asked, and where it does not say, as the environment has it."""
    subject = say("색", "colours")
    answer = talk.ask(_COLOUR_QUERY, _COLOUR_ANSWER)
    talk.write("\r\x1b[2K")  # what a terminal that does not know the question made of it
    truly = bool(answer and answer[1] and _OUR_COLOUR.search(answer[1]))
    announced = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    if truly and not announced:
        return Result(
            subject,
            "notice",
            say(
                "1600만 색을 지원하는데 COLORTERM이 없어 256색으로 그려요: export COLORTERM=truecolor",
                "16 million colours work, but COLORTERM is not set and 256 are used: export COLORTERM=truecolor",
            ),
        )
    if truly or announced:
        return Result(subject, "fine", say("1600만 색", "16 million colours"))
    if "256" in os.environ.get("TERM", ""):
        return Result(subject, "fine", say("256색", "256 colours"))
    return Result(
        subject,
        "notice",
        say(
            "16색 이하예요. 명령 팔레트에서 ansi-dark 테마를 고르면 잘 보여요.",
            "16 colours or fewer: choose the theme ansi-dark in the palette.",
        ),
    )


def _width(talk: TerminalTalk, sample: str) -> int | None:
    talk.write(f"\r{sample}")
    column = talk.column()
    talk.write("\r\x1b[2K")
    return None if column is None else column - 1


def _widths(measured: list[tuple[str, int, int | None]]) -> Result:
    subject = say("글자 폭", "widths")
    if all(width is None for _, _, width in measured):
        return Result(
            subject,
            "notice",
            say("커서 자리를 알려 주지 않아 재지 못했어요.", "the terminal does not tell where its cursor stands."),
        )
    wrong = [(sample, want, width) for sample, want, width in measured if width not in (None, want)]
    if not wrong:
        return Result(
            subject, "fine", say("한글, 이모지, 선 모두 맞아요", "Hangul, emoji and lines are as they should")
        )
    listed = ", ".join(
        say(f"{sample} {width}칸({want}칸이어야 함)", f"{sample} takes {width} (should be {want})")
        for sample, want, width in wrong
    )
    if any(sample in _AMBIGUOUS and (width or 0) > want for sample, want, width in wrong):
        advice = say(
            "터미널 설정에서 ‘모호한 너비의 글자’를 한 칸으로 바꾸세요.",
            "Set ambiguous-width characters to single width in the terminal.",
        )
    else:
        advice = say("글꼴이나 터미널을 바꿔 보세요.", "Try another font or terminal.")
    return Result(subject, "notice", f"{listed}. {advice}")


def _clipboard(abilities: Abilities, environment: Mapping[str, str]) -> Result:
    """In the order in which the app tries them."""
    subject = say("복사", "clipboard")
    if environment.get("TMUX") and _tmux_option("set-clipboard") == "off":
        return Result(
            subject,
            "notice",
            say(
                "tmux가 복사를 막아요: tmux set -s set-clipboard on",
                "tmux keeps copies to itself: tmux set -s set-clipboard on",
            ),
        )
    if _OSC52_ATTRIBUTE in abilities.attributes[1:]:
        return Result(subject, "fine", say("OSC 52 (SSH 너머에서도 돼요)", "OSC 52, over SSH too"))
    tool = next((name for name in ("pbcopy", "wl-copy", "xclip", "xsel") if shutil.which(name)), None)
    if tool and not is_remote(environment):
        return Result(subject, "fine", say(f"OSC 52와 {tool}", f"OSC 52 and {tool}"))
    return Result(
        subject,
        "fine",
        say(
            "OSC 52로 보내요. 붙여넣기에 나오지 않으면 터미널 설정에서 클립보드 접근을 켜세요.",
            "sent as OSC 52. If it does not arrive, allow clipboard access in the terminal's settings.",
        ),
    )


def _typing(talk: TerminalTalk, abilities: Abilities) -> Result:
    """In the mode in which the app would read the keys."""
    kitty = abilities.kitty is not None and not _is_iterm()
    prompt = say(f"{GREETING}  를 치고 Enter (Esc: 건너뛰기) › ", f"Type {GREETING} and press Enter (Esc skips) › ")
    with raw(_KEYBOARD):
        talk.write(f"\r\x1b[2K{prompt}{KITTY_ON if kitty else ''}")
        try:
            typed = talk.typed(
                lambda text: talk.write(f"\r\x1b[2K{prompt}{terminal_safe(text)}"), seconds=_TYPING_SECONDS
            )
        finally:
            talk.write(f"{KITTY_OFF if kitty else ''}\r\x1b[2K")
    return judge(typed)


def _surroundings(environment: Mapping[str, str]) -> Iterator[Result]:
    subject = say("환경", "surroundings")
    around = [name for name, there in (("tmux", "TMUX"), ("screen", "STY")) if environment.get(there)]
    if is_remote(environment):
        around.append("SSH")
    program = environment.get("TERM_PROGRAM") or environment.get("LC_TERMINAL") or ""
    facts = terminal_safe(", ".join(filter(None, (program, environment.get("TERM"), *around))))
    if environment.get("TMUX") and _tmux_option("extended-keys") == "off":
        hint = say(
            "⇧⏎를 쓰려면 tmux set -s extended-keys on (^j는 언제나 돼요)",
            "for Shift+Enter: tmux set -s extended-keys on (Ctrl+J always works)",
        )
        yield Result(subject, "fine", f"{facts}: {hint}")
        return
    yield Result(subject, "fine", facts)


def _tmux_option(name: str) -> str:
    """Empty where tmux does not say."""
    try:
        answer = subprocess.run(
            ["tmux", "show-options", "-sv", name],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TMUX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
