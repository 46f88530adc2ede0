"""Whether a refusal without a word means a rate, or only that the server is busy: the refused call, sent once more at once, tells.

    a rate's bucket is empty      ──  the same call is refused again: whoever goes slower is refused no more
    a server that is overloaded   ──  refuses one call in ten whatever the pace: the same call most likely gets in

One such trial proves little, so each moves a balance, and the balance decides. Going slower for a busy moment would never end: the
refusals stay as frequent, and each would make the pace slower still.
"""

import time

_GOT_IN, _REFUSED_AGAIN = 1, -2  # with one call in five refused at random, the balance still rises
_LEAST, _MOST = -4, 6  # so that a server which changes is found out again
_PATIENCE, _LEAST_PATIENCE_SECONDS = (
    1.5,
    0.05,
)  # times what the refusal took: a refusal comes at once, an answer does not
_LONGEST_PATIENCE_SECONDS = 2.0


class Overload:
    """One trial at a time."""

    def __init__(self) -> None:
        self._balance = 0
        self._wanted = False
        self._trial: object = None
        self._patience = 0.0
        self._until = 0.0

    @property
    def is_likely(self) -> bool:
        """Refusals say nothing of the pace."""
        return self._balance > 0

    @property
    def is_a_rate(self) -> bool:
        return self._balance < 0

    @property
    def on_trial(self) -> bool:
        return self._wanted or self._trial is not None

    @property
    def wanted(self) -> bool:
        return self._wanted

    def refused(self, seconds: float) -> None:
        """A call was refused so many seconds after it left: its next try is a trial."""
        self._patience = min(max(_PATIENCE * seconds, _LEAST_PATIENCE_SECONDS), _LONGEST_PATIENCE_SECONDS)
        self._wanted, self._until = True, time.monotonic() + _LONGEST_PATIENCE_SECONDS

    def leaves(self, call: object) -> None:
        """The trial."""
        self._wanted, self._trial, self._until = False, call, time.monotonic() + self._patience

    def is_trial(self, call: object) -> bool:
        return self._trial is not None and call is self._trial

    def rest(self, now: float) -> float:
        """How long it is not known yet; what was not refused by then got in."""
        if self.on_trial and now >= self._until:
            if self._trial is not None:
                self.got_in()
            self._wanted = False  # whoever was refused did not come back
        return self._until - now if self.on_trial else 0.0

    def got_in(self) -> None:
        self._trial, self._balance = None, min(self._balance + _GOT_IN, _MOST)

    def refused_again(self) -> None:
        self._trial, self._balance = None, max(self._balance + _REFUSED_AGAIN, _LEAST)
