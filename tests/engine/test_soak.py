"""Long runs for `make soak`: fifty clients for a minute, and thousands of hostile requests."""

import os
import random
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import torch

from tests.engine.server import Server, serving
from tests.tiny_models import save_lora, save_model

CLIENTS = 50
MINUTE = 60.0
SETTLING_SECONDS = 10.0

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("soak")
    folder = save_model(place / "model", "gpt_neox", dtype=torch.bfloat16)
    adapter = save_lora(place / "adapter", folder)
    with serving(place / "home", "-m", f"tiny={folder}", "--adapter", f"tuned={adapter}") as running:
        running.chat("tiny", "준비")
        running.chat("tuned", "준비")
        yield running


@dataclass
class Crowd:
    waits: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    answered: list[int] = field(default_factory=lambda: [0] * CLIENTS)


def _client(place: int, server: Server, crowd: Crowd, until: float) -> None:
    dice = random.Random(place)
    with httpx2.Client(base_url=server.url, headers=server.headers, timeout=240) as http:
        while time.monotonic() < until:
            body = {
                "model": dice.choice(["tiny", "tuned"]),
                "messages": [{"role": "user", "content": f"{place}번 손님의 질문 {dice.random()}"}],
                "max_tokens": dice.randint(1, 24),
                "temperature": dice.choice([0, 1.0]),
                "stream": dice.random() < 0.5,
            }
            asked = time.monotonic()
            answer = http.post("/v1/chat/completions", json=body)
            if answer.status_code != 200 or '"error"' in answer.text:
                crowd.faults.append(answer.text[:200])
            crowd.waits.append(time.monotonic() - asked)
            crowd.answered[place] += 1


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_fifty_clients_for_a_minute_without_error_growth_or_unfairness(server: Server) -> None:
    crowd, until = Crowd(), time.monotonic() + MINUTE
    threads = [threading.Thread(target=_client, args=(place, server, crowd, until)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLING_SECONDS)
    settled = [_sample(server) for _ in range(5)]
    for thread in threads:
        thread.join()
    ended = [_sample(server) for _ in range(5)]
    growth = statistics.median(ended) / statistics.median(settled) - 1
    print(
        f"\n{sum(crowd.answered)} answers, median wait {statistics.median(crowd.waits):.2f} s, longest {max(crowd.waits):.2f} s, "
        f"fewest/most a client {min(crowd.answered)}/{max(crowd.answered)}, memory {growth:+.1%}"
    )
    assert not crowd.faults, crowd.faults[:3]
    assert growth < 0.02
    assert min(crowd.answered) > 0.5 * max(crowd.answered)
    assert max(crowd.waits) < 5 * statistics.median(crowd.waits)


def _sample(server: Server) -> int:
    time.sleep(0.5)
    return _resident_bytes(server.process.pid)
