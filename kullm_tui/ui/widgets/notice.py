"""The line above the prompt or the footer that says what went wrong, what is under way, what to press next."""

from textual.widgets._static import Static

from kullm_tui.ui.text import plain


class Notice(Static):
    DEFAULT_CSS = """
    Notice { height: auto; max-height: 6; padding: 0 2; color: $warning; display: none; }
    Notice.-shown { display: block; }
    Notice.-error { color: $error; }
    """

    def __init__(self) -> None:
        super().__init__(id="notice", markup=False)

    def tell(self, text: str = "", *, error: bool = False) -> None:
        """Empty takes it away."""
        self.set_class(bool(text), "-shown")
        self.set_class(error, "-error")
        if text:
            self.update(plain(text))
