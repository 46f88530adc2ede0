"""The engine's loading of a model, told while it lasts."""

from contextlib import aclosing

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.asking.waiting import waiting_for
from kullm_tui.core.config.settings import Precision
from kullm_tui.core.endpoints.client import load_model
from kullm_tui.core.endpoints.endpoint import Endpoint


async def tell_loading(
    narration: Narration,
    endpoint: Endpoint,
    model: str,
    adapter: str | None = None,
    *,
    precision: Precision | None = None,
) -> None:
    """Have the engine load the model, and show how far it is."""
    async with aclosing(load_model(endpoint, model, adapter, precision=precision)) as steps:
        async for step in steps:
            narration.progress(waiting_for(step))
    narration.clear()
