"""Attacks on `kullm serve`: by whoever reaches its port, by a client with the token, by the files that it was given."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2
from product import Product
from rows import Attack

from tests.attackers import HALF_SENT, HUGE_FAULTS, MARKS, MESSAGES, REFUSED, connections, odd_bodies, says
from tests.hostile.mutations import DEMO

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
ALL_ANSWERED_S = 90.0
HELD_S = 15.0  # longer than a head may take

TEMPLATES = {
    "percent": "{{ '%2000000000d' % 1 }}",
    "loops": "{% for i in range(100000000) %}{% set x = ('a' * 100000) | upper | length %}{% endfor %}",
    "ljust": "{{ 'a'.ljust(2000000000) }}",
    "zfill": "{{ 'a'.zfill(2000000000) }}",
    "format": "{{ '{:>2000000000}'.format(1) }}",
    "replace": "{{ ('a' * 100000).replace('a', 'a' * 100000) }}",
    "join": "{{ ('a' * 100000).join('b' * 100000) }}",
    "translate": "{{ ('a' * 100000).translate({97: 'a' * 100000}) }}",
    "tojson": "{{ messages | tojson(indent=2000000000) }}",
    "batch": "{{ 'a' | batch(2000000000, 'x') | list }}",
    "slice": "{{ 'a' | slice(2000000000) | list }}",
    "wordwrap": "{{ ('a ' * 100000) | wordwrap(1, true, 'a' * 100000) }}",
    "long": "{% for i in range(190000) %}{{ 'a' * 100000 }}{% endfor %}",
    "address": "{{ '{}'.format(messages.append) }}{{ raise_exception('{}'.format(messages.append)) }}",
}


def at_once(calls: Sequence[Callable[[], object]]) -> None:
    """What is not answered counts nowhere; the row says how many should be."""

    def tried(call: Callable[[], object]) -> None:
        with contextlib.suppress(httpx2.HTTPError):
            call()

    threads = [threading.Thread(target=tried, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ALL_ANSWERED_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def half_sent(product: Product) -> str:
    assert product.server
    for kind, sent in HALF_SENT.items():
        with connections(product.server.url, 1_100 if kind == "half a head" else 300, sent):
            threading.Event().wait(HELD_S / len(HALF_SENT))
    with connections(product.server.url, 200, HALF_SENT["half a head"]) as slow:
        closed = sum(_is_closed(one) for one in slow)
    product.expect(closed == 200, f"only {closed} of 200 slow connections ended by themselves")
    return f"{closed} of 200 slow ones ended by themselves"


def _is_closed(one: "object") -> bool:
    try:
        return bool(one.recv(1) == b"")  # type: ignore[attr-defined]
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def marks(product: Product) -> str:
    texts = ["a" + MARKS * 40_000, "a" + MARKS * 1_000_000, ("a" + MARKS * 31) * 5_000]
    at_once([lambda text=text: product.post(CHAT, says(text, "demo")) for text in texts])  # type: ignore[misc]
    product.post(COMPLETIONS, {"model": "demo", "prompt": texts[0], "stop": [texts[0][:5_000]], "max_tokens": 2})
    return "answered or refused"


def no_numbers(product: Product) -> str:
    asked = {"model": "broken", "messages": MESSAGES, "max_tokens": 8}
    calls = [
        lambda: product.post(CHAT, asked),
        lambda: product.post(CHAT, asked | {"temperature": 0.0}),
        lambda: product.post(CHAT, asked | {"n": 4}),
    ]
    at_once(calls * 4)
    product.expect(not product.answered[503], "its client was told to come again, which is in vain")
    return "its own replies ended"


def damaged_adapter(folder: Path) -> list[str]:
    import torch
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(DEMO / "adapters" / "kullm", folder / "broken")
    weights = load_file(broken / "adapter_model.safetensors")
    save_file(
        {key: torch.full_like(value, float("nan")) for key, value in weights.items()},
        broken / "adapter_model.safetensors",
    )
    return ["--adapter", f"broken={broken}"]


def templates(product: Product) -> str:
    asked = [{"model": name, "messages": MESSAGES, "max_tokens": 2} for name in TEMPLATES]
    answers = []
    at_once([lambda body=body: answers.append(product.post(CHAT, body)) for body in asked])  # type: ignore[misc]
    product.expect(len(answers) == len(TEMPLATES), f"{len(TEMPLATES) - len(answers)} templates were still running")
    product.expect(not any(" at 0x" in answer.text for answer in answers), "an address was told")
    return f"{len(answers)} of {len(TEMPLATES)} ended"


def model_with(folder: Path, name: str, **files: str) -> Path:
    """The demo model with other words in some of its files; `_` stands for the dot."""
    model = shutil.copytree(DEMO / "base", folder / name)
    (model / "kullm.toml").unlink()
    for file, content in files.items():
        (model / file.replace("__", ".")).write_text(content)
    return model


def hostile_templates(folder: Path) -> list[str]:
    models = [(name, model_with(folder, name, chat_template__jinja=source)) for name, source in TEMPLATES.items()]
    return [word for name, model in models for word in ("-m", f"{name}={model}")]


def with_a_token(product: Product) -> str:
    long = [{"role": "user" if turn % 2 == 0 else "assistant", "content": "가나다라 " * 20_000} for turn in range(100)]
    for path, fields, named in REFUSED:
        usual = {"messages": MESSAGES} if path.startswith("chat") else {}
        refused = product.post(f"/v1/{path}", {"model": "demo", "max_tokens": 2} | usual | fields)
        product.expect(
            refused.status_code == 400 and named in refused.text, f"{named}: {refused.status_code} {refused.text[:80]}"
        )
    for body, _ in odd_bodies("demo"):
        product.post(CHAT, body)
    for body in HUGE_FAULTS.values():
        product.post(CHAT, body)
    product.post(CHAT, says([{"type": "text", "text": "a"}] * 600_000, "demo"))
    product.post(COMPLETIONS, {"model": "demo", "prompt": "가", "n": 16, "echo": True, "max_tokens": 2})
    refused = product.post(CHAT, {"model": "demo", "messages": long, "max_tokens": 2})
    product.expect(refused.status_code in (200, 400, 413), f"28 MB of chat: {refused.status_code}")
    at_once(
        [lambda: product.post(COMPLETIONS, {"model": "demo", "prompt": ["가나다"] * 64, "n": 16, "max_tokens": 64})] * 5
    )
    return "all answered"


def public_server(product: Product) -> str:
    assert product.server
    load = [
        product.post("/v1/models/load", {"model": "demo", "precision": precision})
        for precision in ("8bit", "4bit", "bf16")
    ]
    product.expect(
        all(400 <= one.status_code < 500 for one in load), f"loaded otherwise: {[one.status_code for one in load]}"
    )
    for path in ("/v1/models/unload", "/v1/shutdown"):
        product.expect(product.post(path, {"model": "demo"}).status_code in (403, 404), f"{path} is there")
    shown = product.server.get("/health").text + product.server.get("/v1/models").text
    product.expect("/" not in shown.replace("application/", ""), f"a path is shown: {shown[:160]}")
    return "refused, nothing shown"


def model_folders(product: Product) -> str:
    names = ("fifo", "endless", "layers", "entries")
    calls = [
        lambda name=name: product.post(CHAT, {"model": name, "messages": MESSAGES, "max_tokens": 2}) for name in names
    ]
    at_once(calls)
    ended = sum(product.answered.values())
    product.expect(ended == len(names), f"{len(names) - ended} folders were still being loaded")
    return f"{ended} of {len(names)} ended"


def hostile_folders(folder: Path) -> list[str]:
    fifo, endless = model_with(folder, "fifo"), model_with(folder, "endless")
    (fifo / "chat_template.jinja").unlink()
    os.mkfifo(fifo / "chat_template.jinja")
    (endless / "tokenizer_config.json").unlink()
    (endless / "tokenizer_config.json").symlink_to("/dev/zero")
    config = json.loads((DEMO / "base" / "config.json").read_text()) | {"num_hidden_layers": 200_000}
    layers = model_with(folder, "layers", config__json=json.dumps(config))
    entries = {str(number): {"content": f"<{number}>", "special": True} for number in range(3_000_000)}
    many = model_with(folder, "entries", tokenizer_config__json=json.dumps({"added_tokens_decoder": entries}))
    models = {"fifo": fifo, "endless": endless, "layers": layers, "entries": many}
    return [word for name, model in models.items() for word in ("-m", f"{name}={model}")]


def grown_pickle(product: Product) -> str:
    answer = product.post(CHAT, {"model": "bomb", "messages": MESSAGES, "max_tokens": 2})
    product.expect(answer.status_code != 200, "it was used")
    return "refused"


def small_pickle(folder: Path) -> list[str]:
    """Ten kilobytes, which say of themselves that they are 3.8 GB."""
    import torch

    bomb = shutil.copytree(DEMO / "adapters" / "kullm", folder / "bomb")
    (bomb / "adapter_model.safetensors").unlink()
    key = "base_model.model.gpt_neox.layers.0.attention.query_key_value.lora_A.weight"
    torch.save({key: torch.zeros(1, dtype=torch.float16).expand(30_000, 32_000)}, bomb / "adapter_model.bin")
    return ["--adapter", f"bomb={bomb}"]


ROWS = (
    Attack(1, "1,100 half-sent requests without a token, 1,024 descriptors", half_sent, lambda _: (), 1_024),
    Attack(2, "letters under 80,000 to 2,000,000 marks", marks, lambda _: ()),
    Attack(3, "an adapter whose weights are no numbers", no_numbers, damaged_adapter),
    Attack(4, f"{len(TEMPLATES)} chat templates without end", templates, hostile_templates),
    Attack(
        6,
        "a client with the token: digits, beams, 28 MB of chat, a million parts, 320 prompts by 16",
        with_a_token,
        lambda _: (),
    ),
    Attack(8, "a public server asked for other precisions and for paths", public_server, lambda _: ()),
    Attack(9, "model folders of pipes, devices, 200,000 layers, 3,000,000 entries", model_folders, hostile_folders),
    Attack(10, "an adapter_model.bin of 10 KB that grows to 3.8 GB", grown_pickle, small_pickle),
)
