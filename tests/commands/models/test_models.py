import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from kullm_tui.commands.cli.columns import aligned, cells
from kullm_tui.core.config.settings import Config, EngineSettings
from kullm_tui.core.memory import memory_here
from kullm_tui.core.models.catalogue import catalogue
from tests.hub_server import Hub, Repository, hub_server
from tests.kullm_command import Terminal, kullm
from tests.openai_server import closed_port

KULLM_PROMPT = (
    "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n"
    "\n"
    "### 명령어:\n"
    "안녕하세요\n"
    "\n"
    "### 응답:\n"
)
CONFIG = json.dumps({"model_type": "gpt_neox", "vocab_size": 30080, "max_position_embeddings": 1024}).encode()
NAME = "me/tiny"


def byte_tokenizer() -> bytes:
    """A token for every byte, and one for the end."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number + 3 for number, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer.to_str().encode()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        server.repositories[NAME] = Repository(
            {"config.json": CONFIG, "tokenizer.json": byte_tokenizer(), "model.safetensors": os.urandom(50_000)}
        )
        yield server


def environment(hub: Hub) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1,localhost"}


def test_the_list_is_aligned_by_cells_and_hides_what_cannot_run(tmp_path: Path) -> None:
    lines = kullm(tmp_path, "models", "list").stdout.splitlines()
    assert lines[0].split() == ["이름", "상태", "4비트", "GB", "문맥", "템플릿", "이용", "설명"]
    starts = {cells(line[: line.index("  상업  ")]) for line in lines if "  상업  " in line}
    assert len(starts) == 1
    assert not [line for line in lines if line.startswith("kullm3-awq")]
    everything = kullm(tmp_path, "models", "list", "--all").stdout
    assert "kullm3-awq" in everything
    assert "실행 불가" in everything


def downloaded(home: Path, env: Mapping[str, str] | None = None) -> set[str]:
    """What lies on this machine, but for the demo, which always does."""
    listed = json.loads(kullm(home, "models", "list", "--downloaded", "--json", env=env).stdout)["models"]
    names = {model["name"] for model in listed}
    demo = {name for name in names if name.startswith("demo-")}
    assert len(demo) == 4
    return names - demo


def test_the_list_can_be_narrowed(tmp_path: Path) -> None:
    commercial = json.loads(kullm(tmp_path, "models", "list", "--licence", "commercial", "--json").stdout)["models"]
    assert {model["licence_class"] for model in commercial} == {"commercial"}
    assert downloaded(tmp_path) == set()
    everything = json.loads(kullm(tmp_path, "models", "list", "--json").stdout)["models"]
    by_name = {model["name"]: model for model in everything}
    assert by_name["kovicuna-7b"]["pad"] == 0
    assert by_name["qwen3-4b"]["context"] is None


def test_the_prompt_of_kullm_is_printed_exactly(tmp_path: Path) -> None:
    done = kullm(tmp_path, "models", "show", "kullm-5.8b", "--prompt", "안녕하세요")
    assert done.returncode == 0
    assert done.stdout == KULLM_PROMPT
    assert done.stderr == "", "one question is what the template is for"


def test_input_and_system_text_take_their_places(tmp_path: Path) -> None:
    done = kullm(tmp_path, "models", "show", "koalpaca-5.8b", "--prompt", "요약해 줘", "--input", "긴 글")
    assert done.stdout == "### 질문: 요약해 줘\n\n### 맥락: 긴 글\n\n### 답변:"
    done = kullm(tmp_path, "models", "show", "kullm-5.8b", "--prompt", "안녕", "--system", "짧게")
    assert done.stdout.startswith("짧게\n\n아래는 작업을")
    assert "학습하지 않은 형식" in done.stderr
    done = kullm(tmp_path, "models", "show", "kovicuna-7b", "--prompt", "안녕", "--input", "글")
    assert done.stdout.endswith("USER: 안녕\n\n글 ASSISTANT:")
    assert "입력 자리가 없어" in done.stderr


def test_an_unverified_template_says_so_beside_the_prompt(tmp_path: Path) -> None:
    done = kullm(tmp_path, "models", "show", "llama-2-ko-7b-chat", "--prompt", "안녕")
    assert done.stdout.endswith("### 응답:")
    assert "미확인" in done.stderr
    facts = json.loads(kullm(tmp_path, "models", "show", "llama-2-ko-7b-chat", "--prompt", "안녕", "--json").stdout)
    assert (facts["verified"], facts["tokens"], facts["prompt"]) == (False, None, done.stdout)


def test_what_cannot_be_shown_says_what_to_do(tmp_path: Path) -> None:
    done = kullm(tmp_path, "models", "show", "kullm3", "--prompt", "안녕")
    assert (done.returncode, done.stdout) == (1, "")
    assert "kullm models pull kullm3" in done.stderr
    assert kullm(tmp_path, "models", "show", "openai/x", "--prompt", "안녕").returncode == 2
    assert kullm(tmp_path, "models", "show", "kullm-5.8b", "--system", "x").returncode == 2
    unknown = kullm(tmp_path, "models", "show", "kulm-5.8b")
    assert unknown.returncode == 1
    assert "kullm-5.8b" in unknown.stderr


def test_facts_are_shown_for_people_and_for_programs(tmp_path: Path) -> None:
    shown = kullm(tmp_path, "models", "show", "kullm-12.8b").stdout
    assert "nlpai-lab/kullm-polyglot-12.8b-v2" in shown
    assert "2가 맞아요" in shown
    facts = json.loads(kullm(tmp_path, "models", "show", "kullm-12.8b", "--json").stdout)
    assert (facts["eos"], facts["downloaded"]) == ([2], False)


def test_a_pulled_model_is_listed_and_shown_with_its_token_boundaries(tmp_path: Path, hub: Hub) -> None:
    env = environment(hub)
    added = kullm(tmp_path, "models", "add", "mine", "--repository", NAME, "--template", "kullm-v2", env=env)
    assert added.returncode == 0, added.stderr
    pulled = kullm(tmp_path, "models", "pull", "mine", env=env)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stderr == ""  # progress is for terminals
    assert (Path(pulled.stdout.strip()) / "model.safetensors").stat().st_size == 50_000
    assert downloaded(tmp_path, env) == {"mine"}
    terminal = Terminal(tmp_path, "models", "show", "mine", "--prompt", "ab", env=env)
    assert terminal.ends() == 0
    assert "a·b·\r\n·\r\n·#·#·#· ·" in terminal.shown
    piped = kullm(tmp_path, "models", "show", "mine", "--prompt", "ab", env=env)
    assert piped.stdout == KULLM_PROMPT.replace("안녕하세요", "ab")
    facts = json.loads(kullm(tmp_path, "models", "show", "mine", "--prompt", "ab", "--json", env=env).stdout)
    assert "".join(facts["tokens"]) == facts["prompt"] == piped.stdout


def test_progress_is_drawn_on_a_terminal(tmp_path: Path, hub: Hub) -> None:
    terminal = Terminal(tmp_path, "models", "pull", NAME, env=environment(hub))
    assert terminal.ends() == 0
    assert f"{NAME} 받는 중 … 100%" in terminal.shown


def test_an_adapter_brings_its_base(tmp_path: Path, hub: Hub) -> None:
    hub.repositories["me/lora"] = Repository({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x" * 9000})
    env = environment(hub)
    kullm(tmp_path, "models", "add", "mine", "--repository", NAME, env=env)
    kullm(tmp_path, "models", "add", "lora", "--repository", "me/lora", "--base", "mine", env=env)
    assert kullm(tmp_path, "models", "pull", "lora", env=env).returncode == 0
    assert downloaded(tmp_path, env) == {"mine", "lora"}


def test_pulling_what_does_not_run_or_come_from_the_hub_is_refused(tmp_path: Path, hub: Hub) -> None:
    awq = kullm(tmp_path, "models", "pull", "kullm3-awq", env=environment(hub))
    assert awq.returncode == 2
    assert "AWQ" in awq.stderr
    assert kullm(tmp_path, "models", "pull", "openai", env=environment(hub)).returncode == 2
    missing = kullm(tmp_path, "models", "pull", "no/such", env=environment(hub))
    assert missing.returncode == 1
    assert "no/such" in missing.stderr
    assert len(missing.stderr.splitlines()) <= 2


def test_folders_and_endpoints_are_added_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "내 모델"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    assert kullm(tmp_path, "models", "add", "mine", "--folder", "내 모델", "--template", "kullm-v2").returncode == 0
    shown = kullm(tmp_path, "models", "show", "mine", "--prompt", "안녕하세요")
    assert shown.stdout == KULLM_PROMPT
    added = kullm(
        tmp_path, "models", "add", "lab", "--endpoint", "https://lab.example/v1", "--model", "m", "--key", "LAB"
    )
    assert added.returncode == 0
    assert "kullm keys set LAB" in added.stderr
    assert json.loads(kullm(tmp_path, "models", "show", "lab", "--json").stdout)["key"] == "LAB"
    for name in ("mine", "lab"):
        assert kullm(tmp_path, "models", "remove", name).returncode == 0
        assert kullm(tmp_path, "models", "show", name).returncode == 1
    assert (folder / "config.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["mine"],
        ["mine", "--folder", "/no/such"],
        ["mine", "--repository", "a/b", "--template", "kulm-v2"],
        ["mine", "--repository", "a/b", "--model", "m"],
        ["mine", "--endpoint", "https://lab.example/v1"],
        ["mine", "--endpoint", "https://lab.example/v1", "--model", "m", "--template", "plain"],
        ["../mine", "--repository", "a/b"],
    ],
)
def test_a_wrong_entry_is_refused_and_not_written(tmp_path: Path, arguments: list[str]) -> None:
    done = kullm(tmp_path, "models", "add", *arguments)
    assert done.returncode in (1, 2)
    assert done.stderr
    assert not (tmp_path / "models.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["Mine!", "--repository", "a/b"], "'Mine!'"),
        (["mine", "--repository", "a/b", "--template", "kulm-v2"], "--template"),
        (["mine", "--endpoint", "lab.example", "--model", "m"], "--endpoint"),
        (["mine", "--endpoint", "https://lab.example/v1"], "--model"),
        (["mine", "--repository", "no-slash"], "--repository"),
        (["mine", "--endpoint", "https://lab.example/v1", "--model", "m", "--key", "sk-1"], "--key"),
    ],
)
def test_a_wrong_argument_of_add_is_named_and_no_file_is_blamed(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    done = kullm(tmp_path, "models", "add", *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "models.toml" not in done.stderr


def test_only_near_templates_are_suggested(tmp_path: Path) -> None:
    near = kullm(tmp_path, "models", "add", "mine", "--repository", "a/b", "--template", "kulm-v2").stderr
    assert "kullm-v2" in near
    assert "vicuna" not in near
    assert "혹시" not in kullm(tmp_path, "models", "add", "m", "--repository", "a/b", "--template", "zzzz").stderr


def test_an_endpoint_of_ones_own_has_no_licence_class(tmp_path: Path) -> None:
    kullm(tmp_path, "models", "add", "lab", "--endpoint", "https://lab.example/v1", "--model", "m")
    line = next(line for line in kullm(tmp_path, "models", "list").stdout.splitlines() if line.startswith("lab "))
    assert "연구" not in line
    assert json.loads(kullm(tmp_path, "models", "show", "lab", "--json").stdout)["licence_class"] is None
    narrowed = json.loads(kullm(tmp_path, "models", "list", "--licence", "research", "--json").stdout)["models"]
    assert "lab" not in [model["name"] for model in narrowed]


def test_a_pull_without_a_network_promises_no_parts(tmp_path: Path) -> None:
    done = kullm(tmp_path, "models", "pull", NAME, env={"HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}"})
    assert done.returncode == 1
    assert "연결할 수 없어요" in done.stderr
    assert "받은 데까지" not in done.stderr


def test_removing_a_model_gives_its_room_back(tmp_path: Path, hub: Hub) -> None:
    env = environment(hub)
    kullm(tmp_path, "models", "add", "mine", "--repository", NAME, env=env)
    kullm(tmp_path, "models", "add", "too", "--repository", NAME, env=env)
    folder = Path(kullm(tmp_path, "models", "pull", "mine", env=env).stdout.strip())
    kullm(tmp_path, "models", "remove", "too", env=env)
    assert folder.exists()  # the other entry uses it
    removed = kullm(tmp_path, "models", "remove", "mine", env=env)
    assert removed.returncode == 0
    assert "0.1 MB" in removed.stderr
    assert not folder.exists()
    assert kullm(tmp_path, "models", "remove", "kullm-5.8b", env=env).returncode == 1


def test_pruning_shows_sizes_asks_and_keeps_what_is_in_use(tmp_path: Path, hub: Hub) -> None:
    env = environment(hub)
    assert "비울 것이 없어요" in kullm(tmp_path, "models", "prune", env=env).stderr
    kullm(tmp_path, "models", "add", "mine", "--repository", NAME, env=env)
    old = Path(kullm(tmp_path, "models", "pull", "mine", env=env).stdout.strip())
    hub.repositories[NAME] = Repository({"config.json": CONFIG, "model.safetensors": b"y" * 9000})
    new = Path(kullm(tmp_path, "models", "pull", "mine", env=env).stdout.strip())
    for blob in (old.parent.parent / "blobs").iterdir():
        os.utime(blob, (0, 0))
    shard = os.urandom(1000)
    quantised = tmp_path / "cache" / "weights" / hashlib.sha256(b"mine").hexdigest()[:16]
    quantised.mkdir(parents=True)
    (quantised / "w.safetensors").write_bytes(shard)
    manifest = {"model": "mine", "source": str(old), "precision": "4bit", "form": "nf4", "fingerprint": "f"}
    manifest |= {"format": 1, "shards": [{"file": "w.safetensors", "bytes": len(shard)}]}  # type: ignore[dict-item]
    (quantised / "manifest.json").write_text(json.dumps(manifest))
    asked = kullm(tmp_path, "models", "prune", env=env)
    assert asked.returncode == 2
    assert "양자화한 가중치" in asked.stdout
    assert NAME in asked.stdout
    assert "--yes" in asked.stderr
    assert old.exists()
    assert quantised.exists()
    terminal = Terminal(tmp_path, "models", "prune", env=env)
    terminal.waits_for("[y/N]")
    terminal.types("n\n")
    assert terminal.ends() == 1
    assert old.exists()
    assert kullm(tmp_path, "models", "prune", "--yes", env=env).returncode == 0
    assert not old.exists()
    assert not quantised.exists()
    assert (new / "model.safetensors").read_bytes() == b"y" * 9000


def test_a_hostile_name_from_the_hub_does_not_reach_the_terminal(tmp_path: Path, hub: Hub) -> None:
    hub.repositories[NAME] = Repository({"config.json": CONFIG, "\x1b]0;owned\x07../x": b"x"})
    done = kullm(tmp_path, "models", "pull", NAME, env=environment(hub))
    assert done.returncode == 1
    assert "\x1b" not in done.stderr + done.stdout


def test_columns_count_cells() -> None:
    assert cells("한글 ab") == 7
    assert cells("é") == 1
    assert aligned([["가", "1", "x"], ["abc", "22", "y"]], right=[1]) == ["가    1  x", "abc  22  y"]


def test_what_suits_this_machine_is_listed_first(tmp_path: Path) -> None:
    kullm(tmp_path, "config", "set", "engine.memory_gb", "8")
    listed = [one["name"] for one in json.loads(kullm(tmp_path, "models", "list", "--json").stdout)["models"]]
    config = Config(engine=EngineSettings(memory_gb=8))
    advised = [entry.name for entry in catalogue(memory_here(), config) if entry.recommended]
    assert "kullm-5.8b" in advised
    assert "kullm-12.8b" not in advised
    assert listed[: len(advised)] == advised
