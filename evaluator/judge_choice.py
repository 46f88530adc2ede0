"""Which judge: the one that was named, or the strongest GPT-4-class model that the key's own list offers.

Endpoint and key are taken as the SDK takes them, from OPENAI_BASE_URL and OPENAI_API_KEY, the key also from where
`kullm keys set` put it; `ENDPOINT/MODEL` names an endpoint of the configuration instead.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from evaluator.judge import Judge
from evaluator.judge_table import judge_parameters, judge_table
from evaluator.rubric import Mode
from kullm_tui.core import rules
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import configured_endpoint, list_models
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConfigError, EndpointError, KeyMissing, KullmError, ModelNotFound
from kullm_tui.core.language import say

_OPENAI = "https://api.openai.com/v1"
_KEY, _ADDRESS = "OPENAI_API_KEY", "OPENAI_BASE_URL"
_DATED = r"(-20\d\d-\d\d-\d\d|-\d{4}(-preview)?)?"
_SHOWN = 12


def judge_address(name: str, endpoints: Sequence[EndpointSettings]) -> tuple[EndpointSettings, str]:
    """Where the judge is and what its key is called; the model's name there, empty if none was named."""
    first, _, rest = name.partition("/")
    configured = next((one for one in endpoints if rest and one.name == first), None)
    if configured:
        return configured, rest
    address = os.environ.get(_ADDRESS, "").strip() or _OPENAI
    try:
        base_url = rules.web_address(address)
    except rules.Fault as fault:
        raise ConfigError(f"{_ADDRESS}: {fault}") from fault
    return EndpointSettings("openai", base_url, _KEY), name


def judge_endpoint(name: str, endpoints: Sequence[EndpointSettings]) -> tuple[Endpoint, str]:
    """Whom to ask, and the model's name there, empty if none was named. KeyMissing where the key is not there."""
    settings, model = judge_address(name, endpoints)
    if settings in endpoints:
        return configured_endpoint(settings), model
    key = get_key(_KEY)
    if not key:
        raise KeyMissing(
            say(
                f"채점자에게 물을 키가 없어요. `kullm keys set {_KEY}`로 넣거나 환경 변수로 주세요.",
                f"there is no key for the judge. Store it with `kullm keys set {_KEY}`, or give it in the environment.",
            )
        )
    if not (key.isascii() and key.isprintable()):
        raise KeyMissing(say(f"{_KEY}: 키에 쓸 수 없는 글자가 있어요.", f"{_KEY}: the key holds unusable characters."))
    return Endpoint(settings.name, settings.base_url, key), model


async def chosen_judge(name: str, mode: Mode, endpoints: Sequence[EndpointSettings], *, insists: bool = False) -> Judge:
    """The named judge; without a name the strongest one on the key's list. `insists`: on that mode."""
    endpoint, model = judge_endpoint(name, endpoints)
    model = model or strongest(await list_models(endpoint), endpoint)
    return Judge(endpoint, model, mode, judge_parameters(model), insists)


def judge_again(judge: Judge, endpoints: Sequence[EndpointSettings]) -> Judge:
    """The judge as it was, with the key that is there now. ConfigError where that key is for another address."""
    configured = any(one.name == judge.endpoint.name for one in endpoints)
    endpoint, _ = judge_endpoint(f"{judge.endpoint.name}/-" if configured else "", endpoints)
    if endpoint.base_url != judge.endpoint.base_url:
        raise ConfigError(
            say(
                f"그때의 채점자는 {judge.endpoint.base_url}에 있었는데 지금 쓰는 주소는 {endpoint.base_url}예요. "
                "주소를 되돌리거나 새로 평가하세요.",
                f"The judge was at {judge.endpoint.base_url}, and the address in use is {endpoint.base_url}. "
                "Put the address back, or evaluate anew.",
            )
        )
    return replace(judge, endpoint=endpoint)


def strongest(offered: Sequence[str], endpoint: Endpoint) -> str:
    """The first preferred family that is offered, in its newest dated version, since an undated name moves."""
    for family in judge_table().preferred:
        versions = [name for name in offered if re.fullmatch(re.escape(family) + _DATED, name)]
        dated = [name for name in versions if re.search(r"-20\d\d-", name)]
        if versions:
            return max(dated) if dated else min(versions, key=len)
    if len(offered) == 1:
        return offered[0]
    raise ModelNotFound(
        say(
            f"{endpoint.name}: 채점자로 고를 모델이 없어요. {_naming_one()} {_offered_line(offered)}",
            f"{endpoint.name} offers no judge known here. {_naming_one()} {_offered_line(offered)}",
        )
    )


async def retired(error: EndpointError, judge: Judge) -> EndpointError:
    """A judge that is not there any more, told with what the key can use instead."""
    try:
        offered = await list_models(judge.endpoint)
    except KullmError:
        return error
    return EndpointError(f"{error}\n{_naming_one()} {_offered_line(offered)}", status=error.status, code=error.code)


def _naming_one() -> str:
    return say(
        "채점자를 정해 주세요(셸에서는 --judge-model, 앱에서는 ^p의 채점 설정).",
        "Name a judge: --judge-model on the command line, the judge's settings (^p) in the app.",
    )


def _offered_line(offered: Sequence[str]) -> str:
    preferred = [name for name in offered if re.match(r"(gpt-[45]|o[0-9])", name)]
    shown = sorted(preferred or offered)[:_SHOWN]
    listed = ", ".join(shown) or say("없음", "none")
    return say(f"이 키로 쓸 수 있는 모델: {listed}", f"This key can use: {listed}")
