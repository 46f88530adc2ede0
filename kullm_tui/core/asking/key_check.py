"""Whether a key is accepted where it will be used, asked of a place that costs nothing. Not every key has one."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import list_models
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.errors import TooMuch
from kullm_tui.core.errors import EndpointError, HubError, KeyMissing
from kullm_tui.core.language import say
from kullm_tui.core.models.download import HUB_KEY
from kullm_tui.core.models.profiles import all_profiles

Answer = Literal["accepted", "untested"]

_OPENAI = EndpointSettings("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
_ASKING_SECONDS = 15.0
_REFUSALS = (401, 403)


def endpoint_of_key(name: str, endpoints: Sequence[EndpointSettings]) -> EndpointSettings | None:
    """Where the key would be sent: an endpoint of the configuration or a profile that names it."""
    configured = next((endpoint for endpoint in endpoints if endpoint.key == name), None)
    if configured:
        return configured
    profiles = (profile for profile in all_profiles().values() if profile.kind == "endpoint")
    profile = next((profile for profile in profiles if profile.key == name), None)
    if profile:
        return EndpointSettings(profile.name, profile.endpoint, name)
    return _OPENAI if name == _OPENAI.key else None


async def check_key(name: str, value: str, endpoints: Sequence[EndpointSettings]) -> Answer:
    """`untested` where nobody can be asked for nothing. EndpointError or HubError: refused, or nobody answered."""
    if name == HUB_KEY:
        await _ask_hub(value)
        return "accepted"
    settings = endpoint_of_key(name, endpoints)
    if settings is None:
        return "untested"
    try:
        await list_models(Endpoint(settings.name, settings.base_url, value))
    except EndpointError as error:
        if error.status in (
            404,
            405,
            501,
        ):  # a server without a list of models still looked at the key, or has no use for it
            return "untested"
        raise
    except KeyMissing as error:  # an empty key
        raise EndpointError(str(error)) from error
    return "accepted"


async def _ask_hub(token: str) -> None:
    import httpx2

    from kullm_tui.core.endpoints.bounds import ACCEPT_ENCODING, bound_answer
    from kullm_tui.core.hub.errors import hub_endpoint

    address = hub_endpoint()
    try:
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": ACCEPT_ENCODING}
        hooks = {"response": [bound_answer]}
        async with (
            asyncio.timeout(_ASKING_SECONDS),
            httpx2.AsyncClient(timeout=_ASKING_SECONDS, event_hooks=hooks) as client,
        ):
            answer = await client.get(f"{address}/api/whoami-v2", headers=headers)
    except (httpx2.TransportError, httpx2.InvalidURL, ValueError, TimeoutError, TooMuch) as error:
        raise HubError(
            say(
                f"허브({address})에 연결할 수 없어 토큰을 시험하지 못했어요. 네트워크와 프록시를 확인하세요.",
                f"The hub ({address}) cannot be reached, so the token was not tested. Check the network and proxy.",
            )
        ) from error
    if answer.status_code in _REFUSALS:
        raise HubError(
            say(
                f"허브가 이 토큰을 받아 주지 않아요. {address}/settings/tokens 에서 읽기 토큰을 만들어 다시 붙여 넣으세요.",
                f"The hub refuses this token. Make one that may read at {address}/settings/tokens and paste it.",
            )
        )
    if not answer.is_success:
        raise HubError(
            say(
                f"허브({address})가 지금은 토큰을 확인해 주지 않아요(HTTP {answer.status_code}). 잠시 뒤에 다시 해 보세요.",
                f"The hub ({address}) does not check tokens just now (HTTP {answer.status_code}). Try again later.",
            )
        )
