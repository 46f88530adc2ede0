"""Asking before text first leaves this machine for a host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.app import App

from kullm_tui.core.endpoints import consent

if TYPE_CHECKING:
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.endpoints.consent_text import Leaving
    from kullm_tui.core.endpoints.endpoint import Endpoint


async def may_send(app: App[Any], target: Target) -> bool:
    """Asked once for each host; to be awaited in a worker. A model on this machine needs no leave."""
    return target.endpoint is None or await may_leave(app, target.endpoint, "question")


async def may_leave_for(app: App[Any], hosts: Iterable[tuple[Endpoint, Leaving]]) -> bool:
    """All of them, one question after the other."""
    for endpoint, leaving in hosts:
        if not await may_leave(app, endpoint, leaving):
            return False
    return True


async def may_leave(app: App[Any], endpoint: Endpoint, leaving: Leaving) -> bool:
    if await asyncio.to_thread(consent.agreed, endpoint):
        return True
    from kullm_tui.core.endpoints.consent_text import ConsentText
    from kullm_tui.ui.dialogs.ask import Confirm

    words = ConsentText(endpoint, leaving)
    agreed = await app.push_screen_wait(Confirm(words.question, words.button, more=words.more))
    if agreed:
        await asyncio.to_thread(consent.agree, endpoint)
    return bool(agreed)
