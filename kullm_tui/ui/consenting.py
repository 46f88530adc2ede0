"""Asking before text first leaves this machine for a host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.app import App

from kullm_tui.core import consent
from kullm_tui.core.korean import particle
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.core.target import Target


async def may_send(app: App[Any], target: Target) -> bool:
    """Asked once for each host; to be awaited in a worker."""
    endpoint = target.endpoint
    if endpoint is None or await asyncio.to_thread(consent.agreed, endpoint):
        return True
    from kullm_tui.ui.screens.ask import Confirm

    host = consent.host_of(endpoint)
    towards = particle(host, "으로/로")
    agreed = await app.push_screen_wait(
        Confirm(
            say(
                f"질문을 이 컴퓨터 밖의 {host}{towards} 보낼까요?",
                f"Send the question to {host}, outside this machine?",
            ),
            say(f"{host}{towards} 보내기", f"Send to {host}"),
            more=say(
                "이 대화의 글이 그곳으로 나가요. 한 번 동의하면 이곳은 다시 묻지 않아요.",
                "The text of this conversation goes there. You are asked once for each host.",
            ),
        )
    )
    if agreed:
        await asyncio.to_thread(consent.agree, endpoint)
    return bool(agreed)
