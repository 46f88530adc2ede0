"""Who takes part, and who answers together with whom: from names and files to a plan. Weights are sparse files; nothing is loaded."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kullm_tui import __version__
from kullm_tui.core import paths
from kullm_tui.core.compare.resolve import entrants, usual_contestants
from kullm_tui.core.compare.schedule import Plan, plan_contest
from kullm_tui.core.config.settings import Config, EndpointSettings, EngineSettings
from kullm_tui.core.endpoints.local_engine import EngineFiles, EngineState
from kullm_tui.core.errors import AdapterError, ModelNotFound, UsageError
from kullm_tui.core.hub.cache import repository_folder
from kullm_tui.core.models.weights_cache import FORMAT, Manifest, Shard
from kullm_tui.core.paths import weights_cache_dir
from kullm_tui.core.store.contestant import Contestant
from tests.openai_server import OpenAIServer, Received, Reply

GB = 1_000_000_000
FAR = EndpointSettings("far", "http://127.0.0.1:9/v1")
DEMOS = ("demo-koalpaca", "demo-kovicuna", "demo-kullm")
COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def model_of(folder: Path, size: int) -> str:
    """A checkpoint as far as the disk shows: in bf16, with embeddings that hardly count."""
    folder.mkdir(parents=True)
    facts = {"model_type": "gpt_neox", "dtype": "bfloat16", "vocab_size": 500, "hidden_size": 64, "eos_token_id": 0}
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
    (folder / "config.json").write_text(json.dumps(facts | shape))
    with (folder / "model.safetensors").open("wb") as weights:
        weights.truncate(size)
    return str(folder)


def downloaded(repository: str) -> None:
    folder = repository_folder(repository)
    model_of(folder / "snapshots" / COMMIT, 1000)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)


def adapter(name: str, base: str = "") -> Path:
    folder = paths.adapters_dir() / name
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    if base:
        (folder / "kullm.toml").write_text(f'base = "{base}"\ntemplate = "kullm-v2"\n')
    return folder


def plan(*contestants: Contestant | str, memory_gb: float | None = None) -> Plan:
    config = Config(engine=EngineSettings(memory_gb=memory_gb, device="cpu"), endpoints=(FAR,))
    named = [Contestant(one) if isinstance(one, str) else one for one in contestants]
    return plan_contest(named, config)


def test_adapters_over_one_base_answer_together() -> None:
    found = plan(*DEMOS)
    assert (found.waves, found.together) == (((0, 1, 2),), True)
    assert found.why == "세 모델이 한 베이스 모델(demo-base)을 함께 써서 같이 답해요."
    assert found.why == "세 모델이 한 베이스 모델(demo-base)을 함께 써서 같이 답해요."


def test_a_base_beside_its_adapter_is_needed_once(home: Path) -> None:
    base = model_of(home / "base", 4 * GB)
    assert plan(base, Contestant(base, "mine"), memory_gb=1.2).waves == ((0, 1),)


def test_bases_that_do_not_fit_take_turns_and_those_over_one_base_go_together(home: Path) -> None:
    first, second, third = (model_of(home / name, 4 * GB) for name in ("one", "two", "three"))
    names = (first, second, Contestant(first, "mine"), third)
    assert plan(*names, memory_gb=10).waves == ((0, 1, 2, 3),)
    assert plan(*names, memory_gb=2.5).waves == ((0, 1, 2), (3,))
    narrow = plan(*names, memory_gb=1.2)
    assert narrow.waves == ((0, 2), (1,), (3,))
    assert "메모리가 부족" in narrow.why
    assert "3번에 나누어" in narrow.why
    assert "1.2 GB" in narrow.why
    assert str(home) not in narrow.why, "it is read before a blind vote"


def test_endpoints_need_nothing_here_and_answer_with_the_first(home: Path) -> None:
    first, second = (model_of(home / name, 4 * GB) for name in ("one", "two"))
    assert plan(first, second, "far/gpt", memory_gb=1.2).waves == ((0, 2), (1,))
    alone = plan("far/a", "far/b")
    assert alone.waves == ((0, 1),)
    assert "다른 곳" in alone.why


@pytest.mark.parametrize(("precision", "together"), [("4bit", True), ("bf16", False)])
def test_the_precision_decides_what_fits(home: Path, precision: Any, together: bool) -> None:
    named = [Contestant(model_of(home / name, 4 * GB)) for name in ("one", "two")]
    settings = EngineSettings(memory_gb=3, precision=precision, device="cpu")
    assert plan_contest(named, Config(engine=settings)).together == together


def test_what_is_quantised_already_is_known_exactly(home: Path) -> None:
    first, second = (model_of(home / name, 4 * GB) for name in ("one", "two"))
    assert not plan(first, second, memory_gb=1.5).together
    for name in (first, second):
        key = weights_cache_dir() / Path(name).name
        key.mkdir(parents=True)
        with (key / "weights-00001.safetensors").open("wb") as shard:
            shard.truncate(GB // 2)
        manifest = Manifest(FORMAT, name, name, "4bit", "packed", "f", (Shard("weights-00001.safetensors", GB // 2),))
        (key / "manifest.json").write_text(manifest.to_json())
    assert plan(first, second, memory_gb=1.5).together


def test_what_cannot_be_had_is_no_reason_to_refuse_the_others() -> None:
    assert plan("no-such-model", "demo-kullm", "demo-koalpaca").waves == ((0,), (1, 2))
    assert plan("kullm-12.8b", "koalpaca-12.8b", memory_gb=9).waves == ((0,), (1,)), "not downloaded, yet known"


class Engine(OpenAIServer):
    """In the engine's place: says what is loaded."""

    health: dict[str, Any]

    def answer(self, request: Received) -> Reply:
        assert request.path == "/health"
        return Reply([json.dumps(self.health)], media_type="application/json")


@contextmanager
def engine(budget: int, **loaded: tuple[int, int]) -> Iterator[None]:
    """`loaded`: bytes, and how many it answers just now, by name."""
    with Engine() as server:
        models = [{"model": name, "bytes": size, "in_use": users} for name, (size, users) in loaded.items()]
        server.health = {"loaded": models, "memory_budget": budget}
        files = EngineFiles()
        files.publish(EngineState(os.getpid(), server.base_url.removesuffix("/v1"), "token", __version__))
        with files.alive_lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def test_the_running_engine_says_how_much_there_is_and_what_is_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    first, second = (model_of(home / name, 4 * GB) for name in ("one", "two"))
    with engine(3 * GB):
        assert plan(first, second, memory_gb=1.2).together, "its own budget holds, whatever was configured since"
    with engine(3 * GB, elsewhere=(GB, 0)):
        assert plan(first, second).together, "an idle model gives way"
    with engine(3 * GB, elsewhere=(GB, 1)):
        assert not plan(first, second).together
    with engine(3 * GB // 2, **{second: (GB, 1)}):
        assert plan(first, second).waves == ((1,), (0,)), "what is loaded already answers first"


def test_names_become_contestants(home: Path) -> None:
    adapter("mine", base="demo-base")
    plus = model_of(home / "a+b", 1000)
    names = ["demo-kullm", "demo-base+mine", f" {plus}".strip(), "far/gpt-4"]
    found = entrants(names, [FAR])
    assert [one.contestant for one in found] == [
        Contestant("demo-kullm"),
        Contestant("demo-base", "mine"),
        Contestant(plus),
        Contestant("far/gpt-4"),
    ]
    assert [one.target.template for one in found[:2]] == ["kullm-v2", "kullm-v2"], "an adapter brings its own"
    assert found[3].target.endpoint is not None


@pytest.mark.parametrize("name", ["mine", "+mine", "demo-kullm+mine"])
def test_an_adapter_alone_stands_over_its_base(name: str) -> None:
    adapter("mine", base="demo-base")
    assert entrants([name, "demo-base"], [])[0].contestant == Contestant("demo-base", "mine")


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["kulm-5.8b", "demo-kullm"], ModelNotFound, "혹시 kullm-5.8b"),
        (["kullm-5.8b", "demo-kullm"], ModelNotFound, "models pull kullm-5.8b"),
        (["demo-kullm+mine", "demo-base+mine"], UsageError, "두 번"),
        (["demo-base+none", "demo-kullm"], AdapterError, "'none' 어댑터가 없어요"),
        (["far/gpt+mine", "demo-kullm"], UsageError, "이 컴퓨터에서 돌리는"),
        (["orphan", "demo-kullm"], AdapterError, r"베이스\+orphan"),
        (["demo-kullm", "demo-kullm"], UsageError, "두 번"),
        (["mine", "demo-base+mine"], UsageError, "두 번"),
        (["demo-kullm"], UsageError, "2개에서 4개"),
        ([], UsageError, "0개"),
        ([f"far/{name}" for name in "abcde"], UsageError, "5개"),
        (["", "demo-kullm"], ModelNotFound, "없어요"),
        (["\x1b[2J", "demo-kullm"], ModelNotFound, "없어요"),
    ],
)
def test_names_that_are_wrong_are_told(names: list[str], error: type[Exception], message: str) -> None:
    adapter("mine", base="demo-base")
    adapter("orphan")
    with pytest.raises(error, match=message):
        entrants(names, [FAR])


def test_the_usual_three_where_they_are_downloaded_else_the_demos() -> None:
    assert usual_contestants() == tuple(map(Contestant, DEMOS))
    downloaded("nlpai-lab/kullm-polyglot-5.8b-v2")
    assert usual_contestants() == tuple(map(Contestant, DEMOS)), "one alone is no comparison"
    downloaded("beomi/KoAlpaca-Polyglot-5.8B")
    assert usual_contestants() == (Contestant("koalpaca-5.8b"), Contestant("kullm-5.8b"))
