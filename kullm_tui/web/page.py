"""The page that holds the terminal, in the reader's language. Every address in it is this server's own."""

import html
from pathlib import Path
from string import Template

from kullm_tui.core.language import interface_language, say

ASSETS = Path(__file__).parent / "assets"


def page(socket: str) -> str:
    """`socket`: where the page finds its app."""
    form = Template((ASSETS / "page.html").read_text(encoding="utf-8"))
    return form.substitute(
        language=interface_language(),
        socket=html.escape(socket),
        opening=say("여는 중이에요…", "Opening…"),
        ended=say("앱이 끝났어요. 대화는 저장되어 있어요.", "The app has ended. Your conversations are saved."),
        again=say("다시 열기", "Open again"),
    )
