"""Attacks on somebody who uses `kullm` in a shell or opens the app: by archives, damaged files, other users, endpoints."""

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
from product import Product, running
from rows import Attack

from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from tests.attackers import MARKS, MESSAGES
from tests.damage import renumbered
from tests.hostile.mutations import ADAPTER, DEMO, packed_as_zip
from tests.openai_server import OpenAIServer, Reply, chunk, event
from tests.tmux import Tmux

DEEP = b"[" * 100_000
SOMEBODY = 12345
RESCUE_S, SOON_S = 10.0, 30.0
SECRET = "sk-secret-0123456789abcdef"


def endpoint(product: Product, base_url: str, key: str = "") -> None:
    text = f'[[endpoints]]\nname = "evil"\nbase_url = "{base_url}"\n' + (f'key = "{key}"\n' if key else "")
    (product.home / "config.toml").write_text(text)


# -- 5. nested JSON


def nested_json(product: Product) -> str:
    imported = _archives(product)
    _folders(product)
    with OpenAIServer(
        [Reply(["data: ", DEEP.decode(), "\n\n"]), Reply([event('{"choices": ' + DEEP.decode())])]
    ) as far:
        endpoint(product, far.base_url)
        for _ in range(2):
            product.expect(product.kullm("ask", "-m", "evil/x", "?").code == 1, "an endpoint's nested JSON was taken")
    return f"{imported} archives refused whole, adapters listed after each"


def _archives(product: Product) -> int:
    whole = packed_as_zip(ADAPTER)
    archives = [
        *(
            packed_as_zip(ADAPTER | {name: DEEP})
            for name in ("adapter_config.json", "tokenizer_config.json", "config.json")
        ),
        whole.replace(b"kullm.toml", b"k\xfflm.toml").replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x08"
        ),
        whole.replace(b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\xff\x00"),
        whole[: len(whole) // 2],
    ]
    for number, content in enumerate(archives):
        (product.home.parent / "a.zip").write_bytes(content)
        product.kullm("adapters", "import", str(product.home.parent / "a.zip"), "--name", f"a{number}")
        product.expect(product.kullm("adapters", "list").code == 0, f"adapters are not listed after archive {number}")
        if (product.home / "adapters" / f"a{number}").exists():
            product.expect(
                product.kullm("adapters", "remove", f"a{number}", "--yes").code == 0, f"archive {number} stays"
            )
    left = sorted(path.name for path in (product.home / "adapters").iterdir())
    product.expect(not left, f"left behind: {left}")
    return len(archives)


def _folders(product: Product) -> None:
    for name in ("config.json", "tokenizer_config.json", "model.safetensors.index.json", "generation_config.json"):
        folder = shutil.copytree(DEMO / "base", product.home.parent / f"deep-{name}")
        (folder / name).write_bytes(b'{"weight_map": ' + DEEP)
        product.kullm("models", "show", str(folder))
        product.kullm("models", "show", str(folder), "--prompt", "?")


# -- 7. damaged files


def damaged_rowid(product: Product) -> str:
    """As the app opens it, which must come up."""
    file = product.home / "kullm.db"
    with Store(file) as store:
        one = store.create_conversation("대화")
        last = None
        for turn in range(30):
            last = store.add_turn(
                one.id, Message("user" if turn % 2 == 0 else "assistant", f"말 {turn}"), parent_id=last
            )
    renumbered(file, "messages", 14, 1)
    with file.open("r+b") as damaged:  # the number alone is not noticed, and nothing is rescued
        damaged.write(b"\xa5" * 100)
    with Tmux(product.home) as terminal:
        began = time.monotonic()
        terminal.runs("-c")
        terminal.shows("말 16", seconds=SOON_S)
        seconds = time.monotonic() - began
        terminal.presses("C-q")
    product.expect(seconds < RESCUE_S, f"the last question was there after {seconds:.1f} s")
    found = messages_in(file)
    product.expect(found >= 29, f"{found} of 30 messages are left")
    return f"{found} of 30 messages, the app is up after {seconds:.1f} s"


def messages_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


# -- 11. whose the files are


def strangers_home(product: Product) -> str:
    home = product.home
    done = [_keys_for_all(product), _planted_engine(product), _asks_unasked(product)]
    if os.geteuid() == 0:
        (home / "config.toml").write_text('model = "planted"\n')
        os.chown(home, SOMEBODY, SOMEBODY)
        for verb in (
            ("ask", "?"),
            ("keys", "list"),
            ("models", "list"),
            ("serve", "-m", "demo-base"),
            ("history", "list"),
        ):
            ended = product.kullm(*verb)
            product.expect(
                ended.code == 1 and "chown" in ended.said and "planted" not in ended.said,
                f"{verb[0]}: {ended.said[:80]}",
            )
        os.chown(home, 0, 0)
        done.append("another's home refused")
    return ", ".join(done)


def _keys_for_all(product: Product) -> str:
    file = product.home / "keys.json"
    file.write_text(json.dumps({"keys": {"LAB": "planted"}, "keyring": []}))
    file.chmod(0o666)
    product.expect("chmod" in product.kullm("keys", "list").said, "keys that all may write were used")
    file.unlink()
    return "open keys refused"


def _planted_engine(product: Product) -> str:
    """A process that is none of an engine stands for everybody else: −1 itself is not tried where it could come true."""
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    folder = product.home / "engine"
    folder.mkdir(exist_ok=True, mode=0o700)
    facts: Mapping[str, Any] = {"pid": bystander.pid, "url": "http://127.0.0.1:9", "token": "t", "version": "1"}
    for place in (folder / "engine.json", product.home / "engine.json"):
        place.write_text(json.dumps(facts))
        place.chmod(0o600)
    product.kullm("engine", "stop")
    product.expect(bystander.poll() is None, "engine stop ended a process that is no engine")
    bystander.kill()
    bystander.wait()
    return "engine stop ended nobody"


def _asks_unasked(product: Product) -> str:
    with OpenAIServer() as far:
        endpoint(product, far.base_url.replace("127.0.0.1", "evil.localhost"))
        folder = shutil.copytree(DEMO / "adapters" / "kullm", product.home.parent / "astray")
        config = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": "evil/x"}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        (folder / "kullm.toml").unlink()
        product.kullm("ask", "--adapter", str(folder), "?")
        product.expect(not far.requests, "an adapter's base sent a question to an endpoint")
    return "nothing sent unasked"


# -- 2 and 12. what an endpoint answers


def hostile_endpoint(product: Product) -> str:
    replies = {
        "a compressed bomb": Reply(
            [gzip.compress(b"data: " + b"x" * 300_000_000)], headers={"content-encoding": "gzip"}
        ),
        "300 MB in one line": Reply(_line(300)),
        "no end": Reply(_endless()),
        "marks": Reply(
            [chunk("a" + MARKS * 40_000), chunk("a" + MARKS * 400_000), chunk(finish="stop"), event("[DONE]")]
        ),
        "an error of 300 MB": Reply(_line(300), status=500, media_type="application/json"),
    }
    ended = []
    for name, reply in replies.items():
        with OpenAIServer([reply] * 4) as far:
            endpoint(product, far.base_url)
            done = product.kullm("ask", "-m", "evil/x", "?")
        ended.append(f"{name} {done.seconds:.0f} s")
        product.expect(done.code in (0, 1), f"{name}: exit {done.code}")
    return ", ".join(ended)


def _line(megabytes: int) -> Iterator[str]:
    yield "data: "
    for _ in range(megabytes):
        yield "x" * 1_000_000
    yield "\n\n"


def _endless() -> Iterable[str]:
    while True:
        yield chunk("가나다라마바사 " * 1_000)


# -- 13. small ones


def small_ones(product: Product) -> str:
    _secrets(product)
    (product.home / "keys.json").write_text("{")
    (product.home / "keys.json").chmod(0o600)
    said = product.kullm("keys", "list").said
    product.expect("삭제하" not in said and "지우" not in said, f"unreadable keys are to be deleted: {said[:100]}")
    (product.home / "keys.json").unlink()
    product.expect(
        b"\x1b" not in product.kullm("keys", "set", "\x1b]0;x\x07\x1b[31mX", stdin=b"v\n").said.encode(),
        "an escape came through",
    )
    return f"{_answered_ms(product):.0f} ms a request on a kept connection"


def _secrets(product: Product) -> None:
    echo = Reply([json.dumps({"error": {"message": f"wrong key {SECRET}"}})], 401, {}, "application/json")
    with OpenAIServer([echo] * 4) as far:
        endpoint(product, far.base_url, "LAB_KEY")
        for debug in ([], ["--debug"]):
            done = (
                product.kullm("ask", "-m", "evil/x", "?", *debug, LAB_KEY=SECRET) if not debug else _debugged(product)
            )
            product.expect(SECRET not in done.said, f"a key that was echoed is shown {debug}")
    for words in (("ask", "--key", SECRET, "?"), ("ask", f"--key={SECRET}", "?"), ("keys", "set", "LAB", SECRET)):
        product.expect(SECRET not in product.kullm(*words).said, f"a mistyped secret is repeated: {words[:2]}")


def _debugged(product: Product) -> Any:
    """Whose traceback was asked for."""
    before = list(product.broken)
    done = product.kullm("ask", "-m", "evil/x", "?", "--debug", LAB_KEY=SECRET)
    product.broken[:] = before
    return done


def _answered_ms(product: Product) -> float:
    folder: Path = product.home.parent / "kept"
    with running(folder) as server, httpx2.Client(base_url=server.url, headers=server.headers, timeout=60) as client:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            client.post("/v1/chat/completions", json={"model": "demo", "messages": MESSAGES, "max_tokens": 0})
            times.append(time.perf_counter() - began)
    return 1000 * sorted(times)[len(times) // 2]


ROWS = (
    Attack(5, "JSON nested 100,000 deep in archives, folders and streams; bad zip names", nested_json),
    Attack(7, "a database with a broken head and a flipped rowid, opened by the app", damaged_rowid),
    Attack(11, "another's home, open keys, a planted engine, an adapter that names an endpoint", strangers_home),
    Attack(12, "an endpoint that answers with bombs, 300 MB, marks and no end", hostile_endpoint),
    Attack(13, "escapes, echoed and mistyped secrets, unreadable keys, Nagle", small_ones),
)
