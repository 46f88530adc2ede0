"""What there is to choose from: the models that the key and the configured endpoints really offer, the rubrics, the price of one verdict."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.cost import estimated
from evaluator.judge import Judge
from evaluator.judge_choice import judge_address, judge_endpoint, strongest
from evaluator.judge_table import judge_parameters, usual_mode
from evaluator.rubric import Rubric, load_rubric, shipped_rubrics
from evaluator.verdict import Item
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import configured_endpoint, list_models
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import KullmError, ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.ui.judge.settings import JudgeSettings

_LIKELY = re.compile(r"(gpt-[45]|o[0-9]|chatgpt)")
_UNFIT = re.compile(
    r"embedding|tts|whisper|dall-e|moderation|audio|realtime|image|transcribe|sora|babbage|davinci|instruct"
)
_MOST = 60
_USUAL = Item("", "가" * 40, "", "가" * 250)  # a question and an answer of common length


@dataclass(frozen=True)
class Offers:
    models: tuple[str, ...]  # as the settings name them
    strongest: str  # what is taken where none is named; empty where that is not known
    faults: tuple[str, ...]


async def judge_offers(endpoints: Sequence[EndpointSettings]) -> Offers:
    """Every place is asked at once; what does not answer is told."""
    faults: list[str] = []
    elsewhere = asyncio.gather(*(_configured(one, faults) for one in endpoints))
    models, best = await _keys_own(faults)
    others = [name for names in await elsewhere for name in names]
    return Offers((*models, *others), best, tuple(faults))


async def _keys_own(faults: list[str]) -> tuple[tuple[str, ...], str]:
    try:
        endpoint, _ = await asyncio.to_thread(judge_endpoint, "", ())
        offered = await list_models(endpoint)
    except KullmError as fault:
        faults.append(str(fault))
        return (), ""
    likely = sorted(name for name in offered if _LIKELY.match(name) and not _UNFIT.search(name))
    rest = sorted(name for name in offered if name not in likely and not _UNFIT.search(name))
    return (*likely, *rest)[:_MOST], _strongest(offered, endpoint)


def _strongest(offered: Sequence[str], endpoint: Endpoint) -> str:
    try:
        return strongest(offered, endpoint)
    except ModelNotFound:
        return ""


async def _configured(settings: EndpointSettings, faults: list[str]) -> tuple[str, ...]:
    try:
        offered = await list_models(await asyncio.to_thread(configured_endpoint, settings))
    except KullmError as fault:
        faults.append(str(fault))
        return ()
    return tuple(f"{settings.name}/{name}" for name in offered[:_MOST])


def rubrics() -> list[Rubric]:
    return [load_rubric(name) for name in shipped_rubrics()]


def price_line(
    settings: JudgeSettings, model: str, endpoints: Sequence[EndpointSettings], won_per_dollar: float | None
) -> str:
    """What one verdict on a reply of common length comes to. KullmError for settings that cannot be used."""
    rubric = load_rubric(settings.rubric)
    address, named = judge_address(settings.model or model, endpoints)
    judge = Judge(
        Endpoint(address.name, address.base_url),
        named,
        settings.mode or usual_mode(named, rubric),
        judge_parameters(named),
    )
    dollars = estimated(judge, rubric, [_USUAL]).dollars
    if dollars is None:
        return say("이 채점자의 가격은 가격표에 없어요.", "The price of this judge is not listed.")
    amount = money(dollars, won_per_dollar)
    return say(
        f"보통 길이의 답이면 채점 한 번에 약 {amount}.", f"A verdict on a reply of common length: about {amount}."
    )
