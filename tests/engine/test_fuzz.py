"""Hostile requests, made from the engine's own OpenAPI description and from a list of what is in none: no 500 and no hang."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

from kullm_tui.engine.openapi import openapi_document
from tests.attackers import odd_bodies
from tests.engine.server import Server, serving
from tests.hostile.mutations import mutated
from tests.tiny_models import save_model

REQUESTS = int(os.environ.get("KULLM_FUZZ_REQUESTS", "320"))
EXPECTED = {200, 400, 401, 403, 404, 405, 413, 415, 422, 507}
SECONDS_A_REQUEST = 60

POSTS = [path for path, methods in openapi_document()["paths"].items() if "post" in methods]


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    import schemathesis  # takes seconds, in every process that collects these tests
    from schemathesis.core.result import Ok

    schema = schemathesis.openapi.from_dict(openapi_document())
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {operation.path: operation for operation in found if operation.method == "post"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("fuzz")
    folder = save_model(place / "model", "gpt_neox", dtype=torch.bfloat16)
    with serving(place / "home", "-m", f"tiny={folder}") as running:
        yield running


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("by_the_rules", [True, False], ids=["by the rules", "against them"])
@pytest.mark.parametrize("named", [True, False], ids=["a model that exists", "any model"])
def test_no_request_makes_the_engine_fail(
    path: str, by_the_rules: bool, named: bool, server: Server, operations: dict[str, Any]
) -> None:
    from schemathesis import GenerationMode

    answered: dict[int, int] = {}
    mode = GenerationMode.POSITIVE if by_the_rules else GenerationMode.NEGATIVE

    @given(case=operations[path].as_strategy(generation_mode=mode))
    @settings(
        max_examples=-(-REQUESTS // (4 * len(POSTS))),
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def attack(case: Any) -> None:
        if named and isinstance(case.body, dict):
            case.body = {**case.body, "model": "tiny"}
            if "completions" in path and by_the_rules:
                case.body["max_tokens"] = 4  # the point is the request, not a long reply
        response = case.call(base_url=server.url, headers=server.headers, timeout=SECONDS_A_REQUEST)
        answered[response.status_code] = answered.get(response.status_code, 0) + 1
        assert response.status_code in EXPECTED, (response.status_code, response.text[:300])

    attack()
    assert server.get("/health").status_code == 200
    print(f"{path} {dict(sorted(answered.items()))}")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", [path for path in POSTS if path != "/v1/shutdown"])
def test_no_odd_body_makes_the_engine_fail(path: str, server: Server) -> None:
    """The list as it is, and then mutated."""
    chance, answered = random.Random(path), Counter[int]()
    listed = odd_bodies()
    count = max(len(listed), REQUESTS // (2 * len(POSTS)))
    usual = server.headers | {"Content-Type": "application/json"}
    with httpx2.Client(base_url=server.url, timeout=SECONDS_A_REQUEST) as client:
        for number in range(count):
            body, headers = listed[number] if number < len(listed) else chance.choice(listed)
            if number >= len(listed) and body:
                body = mutated(body, chance)
            response = client.post(path, content=body, headers=usual | headers)
            answered[response.status_code] += 1
            assert response.status_code in EXPECTED, (number, body[:200], headers, response.text[:300])
    print(f"{path} off the list {dict(sorted(answered.items()))}")
