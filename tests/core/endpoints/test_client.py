"""The real SDK against a real server, well-behaved and not."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import aclosing

import httpx2
import pytest

from kullm_tui.core.asking.thinking import Delta
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints import sdk
from kullm_tui.core.endpoints.client import configured_endpoint, engine_endpoint, list_models, load_model, stream_chat
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished, LoadProgress, Progress, Usage
from kullm_tui.core.errors import (
    ContextOverflow,
    EndpointError,
    EngineGone,
    KeyMissing,
    KullmError,
    ModelNotFound,
    TooLarge,
)
from kullm_tui.core.records import Message
from tests.openai_server import CUT, OpenAIServer, Reply, chunk, closed_port, event, refuses, says

QUESTION = [Message("user", "대한민국의 수도는?")]


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.script.clear()
    running.requests.clear()
    return running


@pytest.fixture(autouse=True)
def korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")


def foreign(server: OpenAIServer) -> Endpoint:
    return Endpoint("집", server.base_url, "sk-secret-1234")


def local(server: OpenAIServer) -> Endpoint:
    return Endpoint("kullm", server.base_url, "token", local=True)


async def ask(endpoint: Endpoint, messages: list[Message] = QUESTION, **decoding: object) -> tuple[str, Finished]:
    text, finished = "", None
    async for piece in stream_chat(endpoint, model="m", messages=messages, decoding=decoding):
        if isinstance(piece, Delta):
            text += piece.text
        elif isinstance(piece, Finished):
            finished = piece
    assert finished is not None
    return text, finished


async def fails(endpoint: Endpoint, kind: type[KullmError] = EndpointError) -> KullmError:
    with pytest.raises(kind) as caught:
        await ask(endpoint)
    assert type(caught.value) is kind
    return caught.value


async def test_a_reply_arrives_in_pieces_and_ends_with_its_measures(server: OpenAIServer) -> None:
    server.script.append(
        says(
            "서울",
            "입니다.",
            last={
                "usage": {"prompt_tokens": 11, "completion_tokens": 4},
                "timings": {"prefill_ms": 7.5},
                "dropped_turns": 2,
                "prompt_sha256": "ab",
            },
        )
    )
    text, finished = await ask(foreign(server))
    assert text == "서울입니다."
    assert (finished.reason, finished.usage, finished.dropped_turns) == ("stop", Usage(11, 4), 2)
    assert finished.prompt_sha256 == "ab"
    assert finished.timings["prefill_ms"] == 7.5
    assert 0 < finished.timings["client_first_text_ms"] <= finished.timings["client_total_ms"]


async def test_only_what_was_set_is_sent(server: OpenAIServer) -> None:
    await ask(foreign(server), temperature=0.5, top_k=3)
    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "대한민국의 수도는?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_k": 3,
    }


async def test_the_input_travels_apart_to_the_engine_and_after_the_question_elsewhere(server: OpenAIServer) -> None:
    message = Message("user", "요약해 줘", "긴 글")
    await ask(local(server), [message])
    await ask(foreign(server), [message])
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "요약해 줘", "input": "긴 글"}]
    assert server.requests[1].body["messages"] == [{"role": "user", "content": "요약해 줘\n\n긴 글"}]


async def test_nothing_from_the_environment_reaches_the_endpoint(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "leak-key")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "leak-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "leak-org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "leak-project")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{closed_port()}/leak")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: leak-header\nX-Other: leak-other")
    for proxy in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(proxy, f"http://127.0.0.1:{closed_port()}")
    await ask(Endpoint("열린 곳", server.base_url))
    await ask(foreign(server))
    assert "leak" not in str(server.requests[0].headers) + str(server.requests[1].headers)
    assert "authorization" not in server.requests[0].headers
    assert server.requests[1].headers["authorization"] == "Bearer sk-secret-1234"


async def test_a_redirection_is_told_not_followed(server: OpenAIServer) -> None:
    with OpenAIServer() as elsewhere:
        server.script.append(Reply([""], 307, {"location": f"{elsewhere.base_url}/chat/completions"}))
        error = await fails(foreign(server))
        assert "base_url" in str(error)
        assert not elsewhere.requests


@pytest.mark.parametrize(
    "events",
    [
        [event({"choices": [{"delta": {"role": "assistant"}}]}), chunk("가"), chunk(finish="stop")],
        [chunk("가", finish="stop", usage=None, timings=None)],
        [event({"choices": None}), event({"choices": []}), event({}), chunk("가"), chunk(finish="stop")],
        [event({"choices": [{"delta": None}]}), chunk("가"), event({"choices": [{"finish_reason": "stop"}]})],
        [": 살아 있음\n\n", event({"choices": [{"delta": {"thinking_content": "음"}}]}), chunk("가", finish="stop")],
        [chunk("가", finish="stop", usage={"prompt_tokens": "셋"}, timings={"x": "빠름"}, dropped_turns=None)],
    ],
)
async def test_servers_that_leave_things_out_are_understood(server: OpenAIServer, events: list[str]) -> None:
    server.script.append(Reply([*events, event("[DONE]")]))
    text, finished = await ask(foreign(server))
    assert (text, finished.reason, finished.usage) == ("가", "stop", Usage())


async def test_a_stream_that_ends_without_done_but_with_a_reason_is_whole(server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("가"), chunk(finish="length")]))
    assert (await ask(foreign(server)))[1].reason == "length"


async def test_a_syllable_cut_between_packets_arrives_whole(server: OpenAIServer) -> None:
    line = chunk("한글").encode()
    server.script.append(Reply([*(line[i : i + 1] for i in range(len(line))), chunk(finish="stop")]))
    assert (await ask(foreign(server)))[0] == "한글"


async def test_no_server_is_told_with_its_host_and_what_to_check() -> None:
    error = await fails(Endpoint("집", f"http://127.0.0.1:{closed_port()}/v1"))
    assert "집 (127.0.0.1)" in str(error)
    assert "연결하지 못했어요" in str(error)


@pytest.mark.parametrize("broken", [[chunk("반쪽"), CUT], [chunk("반쪽")]])
async def test_a_reply_cut_in_the_middle_is_an_error_and_is_not_asked_again(
    server: OpenAIServer, broken: list[object]
) -> None:
    server.script.append(Reply(broken))
    async with aclosing(stream_chat(foreign(server), model="m", messages=QUESTION, decoding={})) as pieces:
        assert await anext(pieces) == Delta("반쪽")
        with pytest.raises(EndpointError, match="끝나기 전에"):
            await anext(pieces)
    assert len(server.requests) == 1


async def test_a_failure_before_any_text_is_tried_again(server: OpenAIServer) -> None:
    server.script.extend([Reply([CUT]), refuses(503, "busy", headers={"retry-after": "0"}), says("됐다")])
    assert (await ask(foreign(server)))[0] == "됐다"
    assert len(server.requests) == 3


async def test_it_gives_up_after_two_retries(server: OpenAIServer) -> None:
    server.script.extend([refuses(500, "터짐", headers={"retry-after": "0"})] * 5)
    error = await fails(foreign(server))
    assert isinstance(error, EndpointError)
    assert error.status == 500
    assert "터짐" in str(error)
    assert len(server.requests) == 3


async def test_retry_after_is_honoured(server: OpenAIServer) -> None:
    server.script.extend([refuses(429, "slow down", headers={"retry-after": "1"}), says("네")])
    began = time.monotonic()
    await ask(foreign(server))
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refuses(401, "bad key sk-secret-1234"), "키를 받아 주지 않았어요"),
        (refuses(403, "no"), "키를 받아 주지 않았어요"),
        (refuses(404, "no such model", code="model_not_found"), "모델 m"),
        (refuses(429, "no money", code="insufficient_quota"), "한도"),
        (refuses(400, "bad temperature"), "bad temperature"),
        (Reply(['{"detail": "Unexpected fields: top_k"}'], 422, media_type="application/json"), "Unexpected fields"),
        (Reply(["<html>oops</html>"], 400, media_type="text/html"), "oops"),
    ],
)
async def test_refusals_are_told_once_without_the_key(server: OpenAIServer, reply: Reply, words: str) -> None:
    server.script.append(reply)
    error = await fails(foreign(server))
    assert isinstance(error, EndpointError)
    assert error.status == reply.status
    assert words in str(error)
    assert "sk-secret" not in str(error)
    assert len(server.requests) == 1


async def test_an_endpoint_that_wants_a_key_says_how_to_give_one(server: OpenAIServer) -> None:
    server.script.append(refuses(401, "key please"))
    error = await fails(Endpoint("집", server.base_url), KeyMissing)
    assert "kullm keys set" in str(error)
    assert "endpoints.집.key" in str(error)


@pytest.mark.parametrize(
    "data",
    [event({"error": {"message": "메모리가 모자람", "code": "x"}}), event({"error": "메모리가 모자람"})],
)
async def test_an_error_inside_the_stream_is_told(server: OpenAIServer, data: str) -> None:
    server.script.append(Reply([chunk("가"), data]))
    error = await fails(foreign(server))
    assert "메모리가 모자람" in str(error)


@pytest.mark.parametrize("data", ["data: {이건 JSON이 아님}\n\n", b"data: \xff\xfe\n\n", event([1]), event("12")])
async def test_anything_but_the_protocol_is_told(server: OpenAIServer, data: str | bytes) -> None:
    server.script.append(Reply([data, event("[DONE]")]))
    assert "base_url" in str(await fails(foreign(server)))


async def test_a_hostile_message_is_quoted_harmlessly(server: OpenAIServer) -> None:
    server.script.append(refuses(400, "\x1b]0;제목\x07\x1b[2J" + "가" * 5000 + "\n줄"))
    message = str(await fails(foreign(server)))
    assert "\x1b" not in message
    assert len(message) < 600


async def test_silence_ends_in_a_time_out(server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("가"), 3600.0]))
    with pytest.raises(EndpointError, match="오지 않았어요"):
        async for _ in stream_chat(foreign(server), model="m", messages=QUESTION, decoding={}, quiet_seconds=0.3):
            pass


@pytest.mark.parametrize("broken", [[CUT], [chunk("반쪽"), CUT], [chunk("반쪽")]])
async def test_a_dead_engine_is_noticed_and_not_asked_again(server: OpenAIServer, broken: list[object]) -> None:
    server.script.append(Reply(broken))
    error = await fails(local(server), EngineGone)
    assert "다시 보내면 새로 시작해요" in str(error)
    assert len(server.requests) == 1


async def test_an_engine_that_is_not_there_is_gone_too() -> None:
    await fails(engine_endpoint(f"http://127.0.0.1:{closed_port()}", "t"), EngineGone)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("model_not_found", ModelNotFound),
        ("model_not_downloaded", ModelNotFound),
        ("model_too_large", TooLarge),
        ("context_length_exceeded", ContextOverflow),
        ("server_error", EndpointError),
    ],
)
async def test_the_engines_own_words_are_shown_as_they_are(
    server: OpenAIServer, code: str, kind: type[KullmError]
) -> None:
    server.script.append(refuses(400, "엔진이 한 말", code=code))
    assert str(await fails(local(server), kind)) == "엔진이 한 말"


async def test_closing_the_reply_closes_the_connection_at_once(server: OpenAIServer) -> None:
    server.script.append(says(*"가" * 100, pause=0.05))
    async with aclosing(stream_chat(foreign(server), model="m", messages=QUESTION, decoding={})) as pieces:
        assert await anext(pieces) == Delta("가")
    assert await asyncio.to_thread(server.requests[0].disconnected.wait, 60)


async def test_cancelling_the_task_closes_the_connection_at_once(server: OpenAIServer) -> None:
    server.script.append(Reply([3600.0]))
    task = asyncio.create_task(ask(foreign(server)))
    while not server.requests:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.requests[0].disconnected.wait, 60)


async def test_loading_reports_progress_until_ready(server: OpenAIServer) -> None:
    steps = [{"status": "loading", "phase": "quantize", "done": 1, "total": 4}, {"status": "ready"}]
    server.script.append(Reply([event(step) for step in steps]))
    seen = [step async for step in load_model(local(server), "kullm-5.8b", "job-20")]
    assert seen == [LoadProgress("loading", "quantize", 1, 4), LoadProgress("ready")]
    assert server.requests[0].path == "/v1/models/load"
    assert server.requests[0].body == {"model": "kullm-5.8b", "adapter": "job-20"}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuses(507, "너무 큼", code="model_too_large"), TooLarge),
        (Reply([event({"error": {"message": "너무 큼", "code": "model_too_large"}})]), TooLarge),
        (Reply([event({"status": "loading"})]), EngineGone),
        (Reply([event({"status": "loading"}), CUT]), EngineGone),
    ],
)
async def test_loading_that_fails_says_why(server: OpenAIServer, reply: Reply, kind: type[KullmError]) -> None:
    server.script.append(reply)
    with pytest.raises(kind):
        _ = [step async for step in load_model(local(server), "m")]


def test_a_key_is_in_no_representation() -> None:
    assert "sk-secret" not in repr(Endpoint("집", "http://localhost/v1", "sk-secret"))


def test_an_endpoint_finds_its_key_or_says_which_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    settings = EndpointSettings("집", "http://localhost/v1", "HOME_KEY")
    with pytest.raises(KeyMissing, match="kullm keys set HOME_KEY"):
        configured_endpoint(settings)
    monkeypatch.setenv("HOME_KEY", "k")
    assert configured_endpoint(settings).api_key == "k"
    monkeypatch.setenv("HOME_KEY", "k\ninjected: header")
    with pytest.raises(KeyMissing):
        configured_endpoint(settings)


async def test_progress_without_text_comes_through_and_nonsense_does_not(server: OpenAIServer) -> None:
    def step(progress: object) -> str:
        return event({"choices": [{"index": 0, "delta": {}, "finish_reason": None, "progress": progress}]})

    nonsense = [None, "half", {}, {"done": -1, "total": 5}, {"done": 1, "total": 0}, {"done": "1", "total": 2}]
    server.script.append(
        Reply([*map(step, nonsense), step({"done": 3, "total": 7}), chunk("답", finish="stop"), event("[DONE]")])
    )
    pieces = [piece async for piece in stream_chat(local(server), model="m", messages=QUESTION, decoding={})]
    assert pieces[:2] == [Progress(3, 7), Delta("답")]
    assert isinstance(pieces[2], Finished)


async def test_a_load_can_ask_for_a_precision(server: OpenAIServer) -> None:
    server.script.append(Reply([event({"status": "ready"})]))
    async with aclosing(load_model(local(server), "m", precision="4bit")) as steps:
        assert [step.status async for step in steps] == ["ready"]
    assert server.requests[0].body == {"model": "m", "precision": "4bit"}


@pytest.mark.parametrize(
    ("base_url", "reads"),
    [("http://127.0.0.1:1/v1", 0), ("http://localhost:1/v1", 0), ("https://127.0.0.1:1/v1", 1), ("https://a.b/v1", 1)],
)
def test_certificates_are_read_once_and_not_for_the_engine(
    base_url: str, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    make = httpx2.create_ssl_context

    def counted(*, trust_env: bool) -> ssl.SSLContext:
        read.append(base_url)
        return make(trust_env=trust_env)

    monkeypatch.setattr(httpx2, "create_ssl_context", counted)
    for kept in (sdk._certified, sdk._trusting_nobody):
        kept.cache_clear()
    for _ in range(3):
        sdk.open_client(Endpoint("x", base_url), quiet_seconds=1)
    assert len(read) == reads


@pytest.mark.parametrize(
    "reply",
    [
        Reply([b'{"data": [', *[b'{"id": "m"},' * 100_000] * 10], media_type="application/json"),
        Reply([b"x"], headers={"content-encoding": "zstd"}, media_type="application/json"),
    ],
    ids=["endless", "compressed"],
)
async def test_a_list_of_models_without_bounds_is_refused(server: OpenAIServer, reply: Reply) -> None:
    server.script.append(reply)
    with pytest.raises(EndpointError, match=r"끝나지 않는 답|압축"):
        await list_models(foreign(server))
