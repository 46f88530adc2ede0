"""The states of a job, as `state.json` has them, and who may write them: the supervisor, or whoever holds proof that it is gone."""

from __future__ import annotations

from typing import Any

QUEUED, STARTING, RUNNING, CANCELLING = "QUEUED", "STARTING", "RUNNING", "CANCELLING"
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
CANCEL_INCOMPLETE = "CANCEL_INCOMPLETE"  # asked to stop, and something of it still runs
LOST = "LOST"  # reason: reboot, supervisor; rented, where its machine is gone
DRAFT, STAGING, STAGED = "DRAFT", "STAGING", "STAGED"  # before any supervisor: nothing there, being uploaded, whole

TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELLED, CANCEL_INCOMPLETE, LOST})
LIVE = frozenset({QUEUED, STARTING, RUNNING, CANCELLING})


def is_terminal(state: dict[str, Any]) -> bool:
    return state.get("state") in TERMINAL
