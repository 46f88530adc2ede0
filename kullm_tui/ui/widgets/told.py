"""Text that is told again and again: the same costs nothing, and what stands around it is laid out anew only where it takes other rows."""

from textual.content import Content
from textual.widgets._static import Static


class Told(Static):
    """Its width is not its text's: `1fr` or a number."""

    DEFAULT_CSS = """
    Told { width: 1fr; height: auto; }
    """

    def __init__(self, classes: str = "") -> None:
        super().__init__(classes=classes, markup=False)
        self._told: Content | None = None

    def tell(self, content: Content) -> None:
        if self._told is None or not self._told.is_same(content):
            self._told = content
            self.update(content, layout=not self._fits(content))

    def _fits(self, content: Content) -> bool:
        width, height = self.content_size
        return width > 0 and content.get_height(self.styles.get_rules(), width) == height
