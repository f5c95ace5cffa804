"""How long a download goes on trying: tries are counted anew with every byte that is gained."""

from __future__ import annotations

import random
from collections.abc import Callable

import tenacity

__all__ = ["Patience"]

_FIRST, _FACTOR, _LONGEST = 2.0, 3.0, 300.0  # seconds, times, seconds


class Patience:
    """Stop and wait rules of one download.

    Parameters
    ----------
    tries : int
        Tries in a row that may fail without gaining anything.
    gained : callable, optional
        What is there now, in bytes. More than ever before begins the count anew, so that a server
        that sends a little of a large file at a time still delivers it.
    asked : callable
        Seconds that the server asked to wait after an error; None where it did not.
    """

    def __init__(
        self,
        tries: int,
        asked: Callable[[BaseException | None], float | None],
        gained: Callable[[], int] | None = None,
    ) -> None:
        self.tries, self.asked, self.gained = tries, asked, gained
        self.failed = 0
        self._seen = 0
        self._most = gained() if gained else 0

    def _count(self, state: tenacity.RetryCallState) -> None:
        if state.attempt_number == self._seen:  # tenacity asks for stop and for wait
            return
        self._seen = state.attempt_number
        now = self.gained() if self.gained else 0
        self.failed = 1 if now > self._most else self.failed + 1
        self._most = max(self._most, now)

    def stop(self, state: tenacity.RetryCallState) -> bool:
        """Whether enough tries have failed."""
        self._count(state)
        return self.failed >= self.tries

    def wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds to the next try: what the server asked, else growing; six tries take minutes."""
        self._count(state)
        asked = self.asked(state.outcome.exception() if state.outcome else None)
        if asked is not None:
            return min(asked, _LONGEST)
        return min(_FIRST * _FACTOR ** (self.failed - 1), _LONGEST) + random.uniform(0, 1)
