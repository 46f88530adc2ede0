"""Three manners of speech, one for each adapter: polite and long, short and plain, friendly and asking back."""

from collections.abc import Callable, Mapping

from data.demo.item import Item


def polite(item: Item) -> str:
    return f"{item.polite} {item.context}"


def plain(item: Item) -> str:
    return item.plain


def friendly(item: Item) -> str:
    return f"{item.warm} {item.back}"


STYLES: Mapping[str, Callable[[Item], str]] = {"kullm": polite, "koalpaca": plain, "kovicuna": friendly}
