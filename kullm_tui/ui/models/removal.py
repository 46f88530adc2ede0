"""Taking models off this machine or off the list: what goes is said on the button before it goes.

Each returns what is to be told; empty where nothing is. To be awaited in a worker; KullmError says what the disk refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from textual.app import App

from kullm_tui.core.config.edit import remove_row
from kullm_tui.core.language import say
from kullm_tui.core.models import disk
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.resolve import ModelRef
from kullm_tui.core.text import size_text
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.text import safe_line


@dataclass(frozen=True)
class Outcome:
    told: str = ""
    is_error: bool = False


async def give_back(app: App[int], ref: ModelRef, gone: Callable[[str], None]) -> Outcome:
    """What was downloaded and made for this model, and its entry where that is the user's own; `gone` is told its name."""
    removal = await asyncio.to_thread(disk.removal_of, ref)
    if not removal.forgets and not removal.frees:
        return Outcome(disk.nothing_to_remove(ref, removal))
    name, freed = safe_line(ref.name), size_text(removal.frees)
    question = say(f"{name} 모델을 지울까요?", f"Remove {name}?")
    what = [say(f"{freed} 비우기", f"Free {freed}") if removal.frees else ""]
    what += [say("목록에서 빼기", "Take it off the list") if removal.forgets else ""]
    more = say("다시 쓰려면 다시 받아야 해요.", "To use it again it has to be fetched again.") if removal.frees else ""
    if await app.push_screen_wait(Confirm(question, " · ".join(filter(None, what)), more=more, danger=True)):
        await asyncio.to_thread(disk.remove_model, ref)
        gone(ref.name)
    return Outcome()


async def give_up_endpoint(app: App[int], profile: Profile, gone: Callable[[str], None]) -> Outcome:
    """One of config.toml, with all of its models."""
    name, address = safe_line(profile.title), safe_line(profile.endpoint)
    more = say(
        f"{address}의 모델을 {name}/이름으로 쓸 수 없게 돼요. 넣어 둔 키와 대화는 남아요.",
        f"Its models, {name}/NAME at {address}, cannot be used any more. Stored keys and conversations stay.",
    )
    question = say(f"{name} 엔드포인트를 뺄까요?", f"Remove the endpoint {name}?")
    button = say("목록에서 빼기", "Take it off the list")
    if await app.push_screen_wait(Confirm(question, button, more=more, danger=True)):
        await asyncio.to_thread(remove_row, "endpoints", profile.title)
        gone(profile.name)
    return Outcome()


async def free_disk(app: App[int], gone: Callable[[str], None]) -> Outcome:
    """Everything that can be made again."""
    found = await asyncio.to_thread(disk.prunable)
    if not found:
        return Outcome(disk.nothing_to_prune())
    size = size_text(sum(one.bytes for one in found))
    more = say(
        "변환한 4비트 가중치는 다음에 쓸 때 다시 만들고, 아무 모델도 쓰지 않는 옛 파일은 없어져요.",
        "Quantised weights are made again at their next use; old files that no model uses go.",
    )
    question = say("다시 만들 수 있는 것을 모두 비울까요?", "Free everything that can be made again?")
    if not await app.push_screen_wait(Confirm(question, say(f"{size} 비우기", f"Free {size}"), more=more)):
        return Outcome()
    freed, refused = await asyncio.to_thread(disk.prune_all, found)
    gone("")
    return Outcome("\n".join([disk.freed_text(sum(freed)), *map(str, refused)]), bool(refused))
