"""Tokens become text that may be shown at once: whole syllables, nothing of a stop string, no edge of white space.

Held back: an incomplete UTF-8 sequence at the end, what may be the beginning of a stop string, and (where a reply is
trimmed) white space that may turn out to be its end. Everything else goes out with the token that completed it.
"""

from collections.abc import Callable, Sequence

# Four bytes are the longest character: a replacement sign that outlives three more tokens is the model's own.
_LONGEST_WAIT = 3
_REPLACEMENT = "\ufffd"


class ReplyText:
    def __init__(self, decode: Callable[[Sequence[int]], str], *, stop: Sequence[str], trim: bool) -> None:
        self._decode = decode
        self._stop = tuple(filter(None, stop))
        self._trim = trim
        self._ids: list[int] = []
        self._context_from = 0  # decoding starts here, so that a piece is spelt as it would be inside its sentence
        self._read_to = 0
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
        known = self._decode(self._ids[self._context_from : self._read_to])
        whole = self._decode(self._ids[self._context_from :])
        waiting = len(self._ids) - self._read_to
        if not final and (len(whole) <= len(known) or (whole.endswith(_REPLACEMENT) and waiting <= _LONGEST_WAIT)):
            return ""
        self._context_from, self._read_to = self._read_to, len(self._ids)
        return whole[len(known) :]

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
