"""Tokens become text that may be shown at once: whole syllables, nothing of a stop string, no edge of white space.

Held back: an incomplete UTF-8 sequence at the end, what may be the beginning of a stop string, and (where a reply is
trimmed) white space that may turn out to be its end. Everything else goes out with the token that completed it.
"""

from collections.abc import Callable, Sequence

# A character has at most four bytes: of an unfinished one, three are there, and some decoders show a sign for each.
_REPLACEMENT = "\ufffd"
_MOST_UNFINISHED = 3


class ReplyText:
    def __init__(self, decode: Callable[[Sequence[int]], str], *, stop: Sequence[str], trim: bool) -> None:
        self._decode = decode
        self._stop = tuple(filter(None, stop))
        self._trim = trim
        self._ids: list[int] = []
        self._window = 0  # decoding starts here: a piece is spelt as it would be inside its sentence
        self._read_to = 0  # where the next window begins
        self._released = ""  # what of the window has gone out
        self._held = ""
        self._begun = False
        self.stopped_by: str | None = None

    def feed(self, token: int) -> str:
        """What may be shown after this token. After a stop string, `stopped_by` is set and nothing more comes."""
        self._ids.append(token)
        return self._release(self._new_text(final=False), final=False)

    def close(self) -> str:
        """What was still held back when the reply ended for another reason."""
        return self._release(self._new_text(final=True), final=True)

    def _new_text(self, *, final: bool) -> str:
        whole = self._decode(self._ids[self._window :])
        broken = len(whole) - len(whole.rstrip(_REPLACEMENT))
        if broken and not final and not whole.startswith(self._released):
            return ""  # decoders with byte tokens show a whole run as signs while its last character is unfinished
        unfinished = 0 if final else min(_MOST_UNFINISHED, broken)
        stable = whole[: len(whole) - unfinished]
        new = stable[len(self._released) :]
        self._released += new
        if new and not unfinished:
            self._window, self._read_to = self._read_to, len(self._ids)
            self._released = self._decode(self._ids[self._window :])
        return new

    def _release(self, new: str, *, final: bool) -> str:
        if self.stopped_by is not None:
            return ""
        text = self._held + new
        if self._trim and not self._begun:
            text = text.lstrip()
        cut = self._find_stop(text)
        if cut is None:
            cut = len(text) if final else len(text) - self._open_stop(text)
        shown = text[:cut]
        if self._trim:
            shown = shown.rstrip()
        self._held = "" if final or self.stopped_by else text[len(shown) :]
        self._begun = self._begun or bool(shown)
        return shown

    def _find_stop(self, text: str) -> int | None:
        hits = [(at, stop) for stop in self._stop if (at := text.find(stop)) >= 0]
        if not hits:
            return None
        at, self.stopped_by = min(hits)
        return at

    def _open_stop(self, text: str) -> int:
        """How many characters at the end may be the beginning of a stop string."""
        longest = 0
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:length]):
                    longest = length
                    break
        return longest
