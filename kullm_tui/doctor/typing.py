"""A greeting that a person typed for `kullm doctor`: did the terminal and the input method bring it whole, and if not, what became of it."""

from __future__ import annotations

import unicodedata

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.doctor.result import Result
from kullm_tui.doctor.terminal_io import Typed

GREETING = "안녕하세요"
_ITS_KEYS = "dkssudgktpdy"  # the same keys outside Hangul mode


def judge(typed: Typed) -> Result:
    """Whether the greeting arrived as it was typed, and if not, what happened to it."""
    subject = say("한글 입력", "Hangul input")
    form = say("kitty 방식", "kitty form") if typed.form == "kitty" else say("예전 방식", "legacy form")
    text = unicodedata.normalize("NFC", typed.text.strip())
    if typed.ended_by != "enter" or not text:
        return Result(subject, "fine", say("건너뛰었어요", "skipped"))
    if text == GREETING:
        return Result(subject, "fine", f"{_whole(typed)} ({form})")
    return Result(
        subject,
        "notice" if text == _ITS_KEYS else "problem",
        f"{say('온 글', 'what came')}: {terminal_safe(text)} ({form}). {_mishap(text, typed)}",
    )


def _whole(typed: Typed) -> str:
    if typed.late:
        return say(
            "끝 글자가 Enter 뒤에 왔지만 앱이 기다려서 받아요",
            "the last syllable came behind Enter; the app waits for it",
        )
    if typed.text.strip() != GREETING:
        return say(
            "자모로 풀려 왔지만 앱이 모아서 써요", "it came taken apart into jamo; the app puts it together again"
        )
    return say("온전하게 왔어요", "arrived whole")


def _mishap(text: str, typed: Typed) -> str:
    if text == _ITS_KEYS:
        return say("한/영 키를 누르고 다시 해 보세요.", "Switch to Hangul mode and try again.")
    if typed.form == "kitty":
        cure = say(
            "TEXTUAL_DISABLE_KITTY_KEY=1로 앱을 열어 보세요.", "Try opening the app with TEXTUAL_DISABLE_KITTY_KEY=1."
        )
    else:
        cure = say(
            "터미널이나 입력기를 바꿔 보거나 글을 붙여 넣으세요.",
            "Try another terminal or input method, or paste the text.",
        )
    return f"{_what_happened(text)} {cure}"


def _what_happened(text: str) -> str:
    if GREETING.startswith(text):
        return say("끝 글자가 빠졌어요.", "The end is missing.")
    if _without_repeats(text) == GREETING:
        return say("글자가 겹쳐 왔어요.", "Syllables came twice.")
    if sorted(text) == sorted(GREETING):
        return say("글자의 순서가 바뀌었어요.", "The syllables changed places.")
    if "\ufffd" in text:
        return say("글자가 깨졌어요. 로캘이 UTF-8인지 보세요.", "It is not UTF-8. Look at the locale.")
    return say("친 것과 달라요.", "It is not what was typed.")


def _without_repeats(text: str) -> str:
    return "".join(one for place, one in enumerate(text) if place == 0 or one != text[place - 1])
