"""Waiting for something to become true, with a deadline instead of a guess."""

import time

from .failure import LabError


def wait_for(predicate, what, deadline=20.0, every=0.05):
    """Calls `predicate` until it returns something true, and returns that.

    An exception of the predicate counts as "not yet"; the last one is named when `deadline` (seconds) has passed. `what` may
    be a function, called only then.
    """
    end = time.monotonic() + deadline
    while True:
        trouble = ""
        try:
            result = predicate()
            if result:
                return result
        except Exception as error:  # noqa: BLE001 - whatever it is, it may be over at the next try
            trouble = f" (last: {error})"
        if time.monotonic() >= end:
            raise LabError(f"not within {deadline:g} s: {what() if callable(what) else what}{trouble}")
        time.sleep(every)
