"""How much of a prompt to prefill between two tokens of the replies that are streaming, and whether guessing tokens pays.

A piece should take about as long as the streams can wait without a visible pause. What a prefilled token, a decode step and a guessed one
cost is measured as they happen.
"""

LARGEST_PIECE = 256
_SMALLEST_PIECE = 8
# Decode steps that a piece may last: with its own step a stream waits 2.2, and a busy machine adds to that.
_PATIENCE = 1.2
_NEWEST = 0.3  # weight of the newest measurement


class Pace:
    def __init__(self) -> None:
        self._step_seconds = 0.0
        self._token_seconds = 0.0
        self._guess_seconds = 0.0

    @property
    def guess_cost(self) -> float:
        """Of a guessed step, in decode steps; that of one until both are known."""
        return self._guess_seconds / self._step_seconds if self._guess_seconds and self._step_seconds else 1.0

    def piece(self, *, streams_wait: bool) -> int:
        """Tokens to prefill next. Until both costs are known, a stream is better served by small pieces."""
        if not streams_wait:
            return LARGEST_PIECE
        if not (self._step_seconds and self._token_seconds):
            return _SMALLEST_PIECE
        affordable = int(_PATIENCE * self._step_seconds / self._token_seconds)
        return max(_SMALLEST_PIECE, min(LARGEST_PIECE, affordable))

    def prefilled(self, tokens: int, seconds: float) -> None:
        self._token_seconds = _smoothed(self._token_seconds, seconds / tokens)

    def stepped(self, seconds: float) -> None:
        self._step_seconds = _smoothed(self._step_seconds, seconds)

    def guessed(self, seconds: float) -> None:
        self._guess_seconds = _smoothed(self._guess_seconds, seconds)


def _smoothed(known: float, newest: float) -> float:
    return newest if not known else (1 - _NEWEST) * known + _NEWEST * newest
