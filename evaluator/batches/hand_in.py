"""One batch handed in, in an order in which a kill at any moment leaves it to be found again.

    ledger: its calls, its name  →  file there  →  ledger: the file  →  batch there  →  ledger: the batch

Where it broke off before the last step nobody knows whether the batch is there. It is looked for by its name; where it is not to be
seen its file is taken away, so that a request which is still on its way makes nothing any more; and it is looked for once more.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from evaluator.batches.faults import is_unsure
from evaluator.batches.ledger import TAKEN_AWAY, Batch, Ledger
from evaluator.batches.service import BatchService, FarBatch
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch

_NOT_THERE = (404, 405, 501)


async def hand_in(service: BatchService, ledger: Ledger, batch: Batch, content: bytes) -> FarBatch:
    """What went wrong is raised, and then the batch is not there and not in the ledger; or nobody can tell, and it stays there."""
    import openai

    try:
        file = await service.upload(batch.name, content)
        await asyncio.to_thread(ledger.note, batch.name, file=file)
        far = await service.create(file, batch.name)
    except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
        found = await find_again(service, ledger, batch) if is_unsure(failure) else None
        if found is None:
            if not is_unsure(failure):
                with suppress(openai.OpenAIError, CutOff, Malformed, TooMuch):  # it costs nothing, and goes by itself
                    await _take_file_away(service, batch)
                await asyncio.to_thread(ledger.end, batch)
            raise
        return found
    await asyncio.to_thread(ledger.note, batch.name, batch=far.id)
    return far


async def find_again(service: BatchService, ledger: Ledger, batch: Batch) -> FarBatch | None:
    """Of a batch whose hand-in broke off: the batch, or None where it is not there and never will be, and its calls are free."""
    noted = await asyncio.to_thread(ledger.find, batch.name)
    batch = noted or batch
    far = await service.named(batch.name, batch.file, batch.created)
    if far is None:
        await _take_file_away(service, batch)
        await asyncio.to_thread(ledger.note, batch.name, file=TAKEN_AWAY)
        far = await service.named(batch.name, batch.file, batch.created)
    if far is None:
        await asyncio.to_thread(ledger.end, batch)
        return None
    await asyncio.to_thread(ledger.note, batch.name, batch=far.id)
    return far


async def _take_file_away(service: BatchService, batch: Batch) -> None:
    """However often it got there. A server that has no list of files, or takes none away, is left as it is."""
    import openai

    files = [] if batch.file in ("", TAKEN_AWAY) else [batch.file]
    with suppress(openai.NotFoundError):
        files += await service.files_named(batch.name)
    for file in dict.fromkeys(files):
        try:
            await service.delete_file(file)
        except openai.APIStatusError as refusal:
            if refusal.status_code not in _NOT_THERE:
                raise
