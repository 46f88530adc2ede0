"""Bodies that are made to hurt: each is refused with the field at fault, none ends the engine or holds up the others."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse

from kullm_tui.core.errors import AdapterError
from kullm_tui.engine.wire_errors import error_object
from tests.attackers import HUGE_FAULTS, MESSAGES, REFUSED
from tests.engine.server import Server, serving
from tests.tiny_models import save_model


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("served")
    with serving(place / "home", "-m", f"tiny={save_model(place / 'model', 'gpt_neox')}") as running:
        yield running


@pytest.mark.parametrize(("path", "fields", "named"), REFUSED)
def test_what_cannot_be_answered_is_refused_with_its_field(
    server: Server, path: str, fields: dict[str, Any], named: str
) -> None:
    asked = {"model": "tiny", "max_tokens": 2} | ({"messages": MESSAGES} if path.startswith("chat") else {})

    response = server.post(f"/v1/{path}", asked | fields)

    assert response.status_code == 400, response.text
    assert named in response.text
    assert len(response.content) < 2_000, "the value itself is not repeated"


@pytest.mark.parametrize("path", ["chat/completions", "completions"])
def test_a_reply_of_no_token_is_given_with_beams_too(server: Server, path: str) -> None:
    asked = {"messages": MESSAGES} if path.startswith("chat") else {"prompt": "가"}

    response = server.post(f"/v1/{path}", {"model": "tiny", "max_tokens": 0, "num_beams": 4} | asked)

    assert response.status_code == 200, response.text
    assert response.json()["usage"]["completion_tokens"] == 0


@pytest.mark.parametrize("body", HUGE_FAULTS.values(), ids=HUGE_FAULTS)
def test_a_body_of_faults_is_told_one_of_them(server: Server, body: bytes) -> None:
    headers = server.headers | {"Content-Type": "application/json"}

    response = httpx2.post(f"{server.url}/v1/chat/completions", content=body, headers=headers, timeout=60)

    assert response.status_code == 400
    assert len(response.content) < 1_000
    json.loads(response.content)


def test_a_refusal_that_quotes_half_a_character_can_be_sent() -> None:
    status, body = error_object(AdapterError("\ud800"))

    assert status < 500
    JSONResponse(body)
