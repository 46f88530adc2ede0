"""Asking before text first leaves this machine for a host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.app import App

from kullm_tui.core import consent

if TYPE_CHECKING:
    from kullm_tui.core.chat_client import Endpoint
    from kullm_tui.core.consent_words import Leaving
    from kullm_tui.core.target import Target


async def may_send(app: App[Any], target: Target) -> bool:
    """Asked once for each host; to be awaited in a worker. A model on this machine needs no leave."""
    return target.endpoint is None or await may_leave(app, target.endpoint, "question")


async def may_leave(app: App[Any], endpoint: Endpoint, leaving: Leaving) -> bool:
    if await asyncio.to_thread(consent.agreed, endpoint):
        return True
    from kullm_tui.core.consent_words import ConsentWords
    from kullm_tui.ui.screens.ask import Confirm

    words = ConsentWords(endpoint, leaving)
    agreed = await app.push_screen_wait(Confirm(words.question, words.button, more=words.more))
    if agreed:
        await asyncio.to_thread(consent.agree, endpoint)
    return bool(agreed)
