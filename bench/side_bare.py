"""The least that a Textual app with a text field can be: Header, Input, Footer."""

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Input


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Header()
        yield Input()
        yield Footer()


if __name__ == "__main__":
    Bare().run()
