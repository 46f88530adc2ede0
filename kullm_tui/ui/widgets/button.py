"""A button's words, which may change while it is on the screen."""

from textual.widgets._button import Button

from kullm_tui.ui.text import plain


def name_button(button: Button, words: str) -> None:
    """What it will do from here on. A label alone is drawn as wide as the one before."""
    button.label = plain(words)
    button.refresh(layout=True)
