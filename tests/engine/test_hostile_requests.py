"""Bodies that are made to hurt: each is refused with the field at fault, none ends the engine or holds up the others."""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import psutil
import pytest
from starlette.responses import JSONResponse

from kullm_tui.core.errors import AdapterError
from kullm_tui.engine.wire_errors import error_object
from tests.attackers import HUGE_FAULTS, MESSAGES, REFUSED
from tests.engine.server import START_SECONDS, Server, serving
from tests.tiny_models import save_model

LONG = "구름은 하늘에 떠 " * 160_000  # 4 MB, as long as a text may be
ENOUGH = 400_000_000  # bytes beside what the engine holds anyway


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


@pytest.fixture
def most_memory(server: Server) -> Iterator[Callable[[], int]]:
    """The most that the engine held since the test began."""
    process, over = psutil.Process(server.process.pid), threading.Event()
    before = highest = process.memory_info().rss

    def watch() -> None:
        nonlocal highest
        while not over.wait(0.01):
            highest = max(highest, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    yield lambda: highest - before
    over.set()
    watching.join()


@pytest.mark.parametrize(
    "asked",
    [
        {"messages": [{"role": "user", "content": LONG}]},
        {"messages": [{"role": "user", "content": LONG}, {"role": "assistant", "content": "네"}] * 7},
        {"messages": [{"role": "system", "content": LONG}, *MESSAGES]},
        {"prompt": [LONG] * 7},
    ],
    ids=["a question", "28 MB of chat", "a system text", "28 MB of prompts"],
)
def test_what_can_never_fit_is_refused_untokenised(
    server: Server, asked: dict[str, Any], most_memory: Callable[[], int]
) -> None:
    response = _post(server, "completions" if "prompt" in asked else "chat/completions", asked)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert re.search(r"\b5(12|08)토큰", response.text), "the context, or what of it is left beside the reply"
    assert most_memory() < ENOUGH


def test_old_turns_that_can_never_fit_are_dropped_untokenised(server: Server, most_memory: Callable[[], int]) -> None:
    old = [{"role": "user", "content": LONG}, {"role": "assistant", "content": LONG}]
    recent = [{"role": "user", "content": "안녕?"}, {"role": "assistant", "content": "네"}]

    response = _post(server, "chat/completions", {"messages": old * 3 + recent + MESSAGES})

    assert response.status_code == 200, response.text
    assert response.json()["dropped_turns"] == 3
    short = _post(server, "chat/completions", {"messages": recent + MESSAGES}).json()
    assert response.json()["prompt_sha256"] == short["prompt_sha256"]
    assert most_memory() < ENOUGH


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 1000}] * 900},
        {"messages": MESSAGES, "metadata": {"a": [[]] * 7_000_000}},
        {"prompt": [0] * 3_000_000},
    ],
    ids=["parts", "empty lists", "numbers"],
)
def test_a_body_of_millions_of_things_is_refused_unread(
    server: Server, body: dict[str, Any], most_memory: Callable[[], int]
) -> None:
    response = _post(server, "completions" if "prompt" in body else "chat/completions", body)

    assert response.status_code == 400
    assert most_memory() < ENOUGH


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": ["ab cd " * 60] * 64, "n": 16, "echo": True, "logprobs": 20},
        {"prompt": ["가" * 100] * 64, "n": 16, "max_tokens": 400, "logprobs": 5},
    ],
    ids=["echo", "replies"],
)
def test_an_answer_that_nobody_could_hold_is_refused_before_it_is_begun(
    server: Server, asked: dict[str, Any], most_memory: Callable[[], int]
) -> None:
    response = _post(server, "completions", asked)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["code"] == "answer_too_large"
    assert "524,288" in response.text
    assert "524,288" in server.get("/openapi.json").json()["info"]["description"]
    assert most_memory() < ENOUGH


def test_too_many_replies_at_once_are_asked_to_come_again_and_a_small_question_is_answered(server: Server) -> None:
    large = {"model": "tiny", "prompt": ["가"] * 1024, "max_tokens": 440, "stream": True}
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(httpx2.Client(headers=server.headers, timeout=START_SECONDS))
            opened = stack.enter_context(client.stream("POST", f"{server.url}/v1/completions", json=large))
            assert opened.status_code == 200
        refused = server.post("/v1/completions", large)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "too_busy"
        assert int(refused.headers["retry-after"]) >= 1
        assert server.chat("tiny", "안녕?")["choices"]
    assert server.chat("tiny", "안녕?")["choices"]


def _post(server: Server, path: str, asked: dict[str, Any]) -> httpx2.Response:
    body = json.dumps({"model": "tiny", "max_tokens": 4} | asked, ensure_ascii=False).encode()
    headers = server.headers | {"Content-Type": "application/json"}
    return httpx2.post(f"{server.url}/v1/{path}", content=body, headers=headers, timeout=START_SECONDS)


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
