"""`kullm serve` as its clients see it: curl, the openai SDK, `llm`, and those who should not get in."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.engine.server import Server, serving, wait_until
from tests.tiny_models import END_OF_TEXT, korean_tokenizer, save_lora, save_model

QUESTION = "대한민국의 수도는 어디인가요?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), "gpt_neox", dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("served")
    adapter = save_lora(place / "adapter", folder)
    with serving(place / "home", "-m", f"tiny={folder}", "--adapter", f"tuned={adapter}") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as sdk:
        yield sdk


def question(text: str = QUESTION) -> list[Any]:
    return [{"role": "user", "content": text}]


# The openai SDK.


def test_streamed_and_whole_reply_are_the_same_text(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="tiny", messages=question(), max_tokens=30, temperature=0)
    stream = client.chat.completions.create(
        model="tiny",
        messages=question(),
        max_tokens=30,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(text) > 5
    assert chunks[-1].usage == whole.usage
    assert whole.usage
    assert whole.usage.completion_tokens == 30
    assert whole.choices[0].finish_reason == "length"
    assert whole.timings["first_token_ms"] > 0  # type: ignore[attr-defined]


def test_stop_string_ends_the_reply_before_it(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="tiny", prompt="가", max_tokens=40, temperature=0).choices[0].text
    stop = whole[6:8]
    cut = client.completions.create(model="tiny", prompt="가", max_tokens=40, temperature=0, stop=stop).choices[0]
    assert cut.text == whole[: whole.index(stop)]
    assert cut.finish_reason == "stop"


def test_a_seed_repeats_a_sampled_reply_and_n_gives_different_ones(client: openai.OpenAI) -> None:
    def ask() -> list[str | None]:
        answer = client.chat.completions.create(
            model="tiny", messages=question(), max_tokens=20, temperature=1.2, seed=11, n=3
        )
        return [choice.message.content for choice in answer.choices]

    first = ask()
    assert len(set(first)) == 3
    assert ask() == first


def test_logprobs_of_a_chat_add_up_to_its_text(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=question(), max_tokens=12, temperature=0, logprobs=True, top_logprobs=3
    )
    assert answer.choices[0].logprobs
    content = answer.choices[0].logprobs.content
    assert content
    assert len(content) == 12
    spelled = b"".join(bytes(token.bytes or ()) for token in content).decode(errors="replace")
    assert spelled.strip() == (answer.choices[0].message.content or "").strip()
    assert all(token.top_logprobs[0].logprob == pytest.approx(token.logprob) for token in content)  # greedy


def test_echo_with_logprobs_scores_a_prompt_as_lm_evaluation_harness_asks(client: openai.OpenAI, folder: Path) -> None:
    ids = korean_tokenizer().encode(QUESTION).ids
    answer = client.completions.create(model="tiny", prompt=[ids], max_tokens=1, temperature=0, logprobs=1, echo=True)
    scored = answer.choices[0].logprobs
    assert scored
    assert scored.token_logprobs
    assert scored.tokens
    assert scored.token_logprobs[0] is None
    assert len(scored.tokens) == len(ids) + 1
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    reference = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    mine = torch.tensor(scored.token_logprobs[1 : len(ids)])
    theirs = reference[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    assert (mine - theirs).abs().mean() < 0.35, "NF4 against fp32"
    assert answer.choices[0].text.startswith(QUESTION)


def test_a_scored_prompt_is_followed_by_one_score_even_where_the_model_ends_there(client: openai.OpenAI) -> None:
    ids = korean_tokenizer().encode(QUESTION).ids
    ends = {str(korean_tokenizer().token_to_id(END_OF_TEXT)): 100}
    answer = client.completions.create(
        model="tiny", prompt=[ids], max_tokens=1, temperature=0, logprobs=1, echo=True, logit_bias=ends
    )
    assert answer.choices[0].finish_reason == "stop"
    scored = answer.choices[0].logprobs
    assert scored
    assert scored.token_logprobs
    assert len(scored.token_logprobs) == len(ids) + 1  # lm-evaluation-harness leaves the last one out
    assert answer.choices[0].text == QUESTION


def test_a_list_of_prompts_is_answered_in_its_order(client: openai.OpenAI) -> None:
    prompts = ["하나", "대한민국의 수도는", "가나다라마바사"]
    together = client.completions.create(model="tiny", prompt=prompts, max_tokens=8, temperature=0, echo=True)
    assert [choice.index for choice in together.choices] == [0, 1, 2]
    assert [choice.text.startswith(prompt) for choice, prompt in zip(together.choices, prompts, strict=True)] == [
        True
    ] * 3


def test_an_adapter_is_a_model_of_its_own_to_plain_clients(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"tiny", "tuned"}
    said = {
        name: client.chat.completions.create(model=name, messages=question(), max_tokens=20, temperature=0)
        .choices[0]
        .message.content
        for name in ("tiny", "tuned")
    }
    assert said["tiny"] != said["tuned"]


def test_the_papers_decoding_is_accepted_in_one_request(server: Server) -> None:
    answer = server.chat(
        "tiny", QUESTION, num_beams=4, repetition_penalty=1.4, top_k=40, top_p=0.75, temperature=0, max_tokens=8
    )
    assert answer["choices"][0]["finish_reason"] in ("stop", "length")


def test_text_offsets_point_into_the_text_whole_and_streamed(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {
        "model": "tiny",
        "prompt": "안녕",
        "max_tokens": 12,
        "temperature": 0,
        "logprobs": 0,
        "echo": True,
    }
    whole = client.completions.create(**asked).choices[0]
    assert whole.logprobs
    offsets = whole.logprobs.text_offset
    assert offsets
    assert offsets == sorted(offsets)
    assert offsets[0] == 0
    assert max(offsets) <= len(whole.text)
    streamed = [chunk.choices[0] for chunk in client.completions.create(**asked, stream=True)]
    again = [offset for choice in streamed if choice.logprobs for offset in choice.logprobs.text_offset or ()]
    assert again[0] == 0
    assert max(again) <= len(whole.text)


# Other programs.


def test_curl_streams_server_sent_events(server: Server) -> None:
    body = {"model": "tiny", "messages": question(), "max_tokens": 5, "stream": True}
    result = subprocess.run(
        [
            "curl",
            "-sN",
            f"{server.url}/v1/chat/completions",
            "-H",
            f"Authorization: Bearer {server.token}",
            "-d",
            json.dumps(body),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    lines = [line for line in result.stdout.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def test_llm_from_pypi_talks_to_it_once_the_endpoint_is_configured(server: Server, tmp_path: Path) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: tiny-kullm\n  model_name: tiny\n  api_base: {server.url}/v1\n  api_key_name: kullm\n"
    )
    (tmp_path / "keys.json").write_text(json.dumps({"kullm": server.token}))
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    result = subprocess.run(
        [str(Path(sys.executable).with_name("llm")), "-m", "tiny-kullm", "-o", "max_tokens", "8", "안녕"],
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


# Who may not come in.


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unauthorized"),
        ({"Authorization": "Bearer wrong-key"}, 401, "unauthorized"),
        ({"Authorization": "Basic test-key"}, 401, "unauthorized"),
        ({"Authorization": "Bearer test-key", "Origin": "https://evil.example"}, 403, "forbidden_origin"),
        ({"Authorization": "Bearer test-key", "Host": "evil.example"}, 403, "forbidden_host"),
    ],
)
def test_strangers_are_turned_away_from_every_route(
    server: Server, headers: dict[str, str], status: int, code: str
) -> None:
    for path in ("/health", "/v1/models", "/openapi.json", "/nowhere"):
        answer = httpx2.get(server.url + path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_public_server_opens_no_file_that_a_client_names(server: Server, folder: Path) -> None:
    body = {"model": str(folder), "messages": question()}
    assert server.post("/v1/chat/completions", body).status_code == 404
    answer = server.post("/v1/chat/completions", {**body, "model": "tiny", "adapter": "/etc"})
    assert answer.status_code == 400


def test_one_client_of_a_public_server_cannot_take_the_model_from_another(server: Server) -> None:
    asked = {"load": {"model": "tiny", "precision": "bf16"}, "unload": {"model": "tiny"}}
    for path, body in [*((f"/v1/models/{name}", body) for name, body in asked.items()), ("/v1/shutdown", {})]:
        answer = server.post(path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert server.chat("tiny", QUESTION)["choices"]
    assert len(server.get("/health").json()["loaded"]) == 1


def test_clients_of_a_public_server_learn_no_path_of_it(tmp_path: Path, folder: Path) -> None:
    broken, gone = tmp_path / "private" / "broken", tmp_path / "private" / "gone"
    for copy in (broken, gone):
        shutil.copytree(folder, copy)
    (broken / "model.safetensors").write_bytes(b"\xff" * 64)
    adapter = save_lora(tmp_path / "private" / "lora", folder)
    models = ["-m", f"tiny={folder}", "-m", f"broken={broken}", "-m", f"gone={gone}", "--adapter", f"tuned={adapter}"]
    with serving(tmp_path / "home", *models) as server:
        shutil.rmtree(gone)
        (adapter / "adapter_model.safetensors").write_bytes(b"\xff" * 64)
        server.chat("tiny", QUESTION)
        told = [server.get("/health").text, server.get("/v1/models").text, server.get("/openapi.json").text]
        for model in ("broken", "gone", "tuned"):
            answer = server.post("/v1/chat/completions", {"model": model, "messages": question()})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
            assert answer.headers["retry-after"]
            told.append(answer.text)
        assert [loaded["model"] for loaded in server.get("/health").json()["loaded"]] == ["tiny"]
    for text in told:
        assert str(tmp_path) not in text
        assert str(folder) not in text
        assert "safetensors" not in text
    log = (tmp_path / "serve.log").read_text()
    assert str(broken) in log, "whoever runs the server is told"


def test_each_client_is_answered_in_its_own_language(server: Server) -> None:
    said = {
        language: httpx2.get(f"{server.url}/health", headers={"Accept-Language": language}).json()["error"]["message"]
        for language in ("ko", "en-US")
    }
    assert "토큰" in said["ko"]
    assert "token" in said["en-US"]


@pytest.mark.parametrize("arguments", [["-m", "no-such-model"], ["--adapter", "tuned=/nonexistent"]])
def test_nothing_is_announced_that_is_not_there(arguments: list[str], tmp_path: Path, folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "kullm_tui", "serve", "-m", str(folder), "--port", "0", *arguments],
        env={**os.environ, "KULLM_HOME": str(tmp_path), "KULLM_LANG": "ko"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert "kullm: " in result.stderr


# Bad input.


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "dictionary"),
        (b'{"model": "tiny"}', "messages"),
        (b'{"model": "tiny", "messages": []}', "messages"),
        (b'{"model": "tiny", "messages": [{"role": "wizard", "content": "x"}]}', "role"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "temprature": 1}', "temprature"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "temperature": "hot"}', "temperature"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}', "temperature"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": -1}', "max_tokens"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud800"}]}', "content"),
        (
            b'{"model": "tiny", "messages": [{"role": "user", "content": "x"}], "logit_bias": {"99999999": 1}}',
            "logit_bias",
        ),
    ],
)
def test_a_bad_body_is_answered_with_the_field_at_fault(server: Server, body: bytes, named: str) -> None:
    answer = httpx2.post(f"{server.url}/v1/chat/completions", content=body, headers=server.headers, timeout=240)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert named in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(server: Server) -> None:
    answer = server.post("/v1/completions", {"model": "tiny", "prompt": "가" * 2000})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    assert "512" in answer.json()["error"]["message"]


def test_a_long_conversation_loses_its_oldest_turns_and_says_so(server: Server) -> None:
    turns = [
        {"role": role, "content": f"{place}번째 말입니다. " * 4}
        for place in range(12)
        for role in ("user", "assistant")
    ]
    messages = [{"role": "system", "content": "짧게."}, *turns, *question()]
    answer = server.post("/v1/chat/completions", {"model": "tiny", "messages": messages, "max_tokens": 4}).json()
    assert 0 < answer["dropped_turns"] < 12
    assert answer["usage"]["prompt_tokens"] <= 512


def test_token_ids_beyond_the_vocabulary_are_refused(server: Server) -> None:
    assert server.post("/v1/completions", {"model": "tiny", "prompt": [1, 2, 50_000]}).status_code == 400


def test_an_unknown_path_and_method_get_openai_shaped_errors(server: Server) -> None:
    assert server.get("/v2/chat").json()["error"]["code"] == "not_found"
    assert server.get("/v1/chat/completions").status_code == 405


def test_a_body_beyond_the_limit_is_refused_before_it_is_parsed(server: Server) -> None:
    answer = httpx2.post(f"{server.url}/v1/completions", content=b" " * (33 << 20), headers=server.headers, timeout=240)
    assert answer.status_code == 413


def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = subprocess.run(
            [sys.executable, "-P", "-m", "kullm_tui", "serve", "-m", str(folder), "--port", port],
            env={**os.environ, "KULLM_HOME": str(tmp_path), "KULLM_LANG": "ko"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert result.returncode == 2
    assert port in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


def test_another_address_is_served_only_with_a_key(tmp_path: Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KULLM_API_KEY"}
    result = subprocess.run(
        [sys.executable, "-P", "-m", "kullm_tui", "serve", "-m", str(folder), "--host", "0.0.0.0", "--port", "0"],
        env={**environment, "KULLM_HOME": str(tmp_path), "KULLM_LANG": "ko"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 2
    assert "--api-key-file" in result.stderr


# Coming and going.


def test_a_closed_connection_ends_its_reply(server: Server) -> None:
    body = {"model": "tiny", "messages": question(), "max_tokens": 480, "stream": True, "logit_bias": {"0": -100}}
    engine = psutil.Process(server.process.pid)

    def processor_seconds(lines: int) -> float:
        """Of a reply of which so many lines are read before the connection is closed."""
        before = engine.cpu_times()
        with httpx2.stream(
            "POST", f"{server.url}/v1/chat/completions", json=body, headers=server.headers, timeout=240
        ) as stream:
            read = list(itertools.islice(stream.iter_lines(), lines))
        assert read
        assert wait_until(lambda: server.get("/health").json()["active_requests"] == 0)
        after = engine.cpu_times()
        return float(after.user + after.system - before.user - before.system)

    server.chat("tiny", QUESTION)  # it may have to be loaded
    whole = processor_seconds(lines=10_000)
    assert processor_seconds(lines=1) < whole / 2


def test_clients_at_once_are_all_answered_and_alike(server: Server) -> None:
    texts: list[str] = []

    def ask() -> None:
        texts.append(server.chat("tiny", QUESTION, temperature=0)["choices"][0]["message"]["content"])

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 12
