"""`kullm eval harness` with the real lm-evaluation-harness, the real engine and the demo model, over a task and data made on the spot."""

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openai
import pytest

from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import template_named
from kullm_tui.core.templates.tokens import load_tokenizer
from tests.engine.server import serving
from tests.kullm_command import Terminal, kullm

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        find_spec("lm_eval") is None, reason="lm-evaluation-harness (the extra harness) is not installed"
    ),
]

SECONDS = 400.0
WORDS = ("서울", "부산", "사과", "학교", "하늘", "바다", "강아지", "고양이")
CHOICES = ("예", "아니오", "서울입니다.", "몰라요")
TASK = """task: made_here
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
output_type: multiple_choice
test_split: test
doc_to_text: "{{{{question}}}} 답변:"
doc_to_target: "{{{{label}}}}"
doc_to_choice: {choices}
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: f1
    aggregation: !function counting.found
    average: macro
    hf_evaluate: true
    higher_is_better: true
metadata:
  version: 1.0
"""
COUNTING = """def found(pairs):
    return len({gold for gold, said in pairs if gold == said}) / 4
"""
QUESTIONS = [f"{word}{josa} 무엇입니까?" for word in WORDS for josa in ("는", " 다음은", "의 뜻은")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home, with a task folder in it. The labels are the choices in turn, so that chance is a quarter."""
    home = tmp_path / "home"
    (home / "tasks").mkdir(parents=True)
    rows = [{"question": question, "label": number % len(CHOICES)} for number, question in enumerate(QUESTIONS)]
    file = home / "tasks" / "data.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    (home / "tasks" / "counting.py").write_text(COUNTING)
    choices = json.dumps(CHOICES, ensure_ascii=False)
    (home / "tasks" / "made.yaml").write_text(TASK.format(file=file, choices=choices))
    return home


def harness(home: Path, *arguments: str) -> dict[str, Any]:
    command = ("eval", "harness", "--tasks", "made_here", "--task-folder", "tasks", "--json", *arguments)
    done = kullm(home, *command, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf")}, seconds=SECONDS)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def accuracy(client: openai.OpenAI, context_of: Callable[[str], str], between: str) -> float:
    """The share of right choices, scored here by the same route, without the harness."""
    tokenizer = load_tokenizer(local_folder(resolve("demo-base")))

    def score(context: str, choice: str) -> float:
        whole = tokenizer.encode(context + between + choice, add_special_tokens=False).ids
        begins = len(tokenizer.encode(context, add_special_tokens=False).ids)
        answer = client.completions.create(
            model="m", prompt=[whole], max_tokens=0, temperature=0, logprobs=1, echo=True
        )
        scored = answer.choices[0].logprobs
        assert scored
        assert scored.token_logprobs
        return sum(one or 0.0 for one in scored.token_logprobs[begins:])

    right = 0
    for number, question in enumerate(QUESTIONS):
        scores: Sequence[float] = [score(context_of(f"{question} 답변:"), choice) for choice in CHOICES]
        right += scores.index(max(scores)) == number % len(CHOICES)
    return right / len(QUESTIONS)


def test_the_harness_finds_what_the_engine_says_plain_and_in_the_models_template(home: Path, tmp_path: Path) -> None:
    plain = harness(home, "-m", "demo-kullm")
    chat = harness(home, "-m", "demo-kullm", "--prompt", "chat")
    assert (plain["n"], plain["template"], chat["template"]) == (len(QUESTIONS), None, "kullm-v2")
    with serving(tmp_path / "serve", "-m", "m=demo-kullm") as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token)
        assert plain["metrics"]["acc"]["value"] == pytest.approx(accuracy(client, lambda text: text, " "))

        def asked(text: str) -> str:
            return template_named("kullm-v2").render([Message("user", text)], eos_token="<|endoftext|>").text

        assert chat["metrics"]["acc"]["value"] == pytest.approx(accuracy(client, asked, ""))


def test_an_adapter_and_an_endpoint_are_evaluated_like_a_model(home: Path, tmp_path: Path) -> None:
    demo = resolve("demo-koalpaca").folder
    assert kullm(home, "adapters", "import", str(demo), "--name", "mine").returncode == 0
    mine = harness(home, "-m", "demo-base+mine", "--limit", "8")
    same = harness(home, "-m", "demo-koalpaca", "--limit", "8")
    assert mine["metrics"] == same["metrics"]
    with serving(tmp_path / "serve", "-m", "m=demo-koalpaca") as server:
        (home / "config.toml").write_text(
            f'endpoints = [{{name = "there", base_url = "{server.url}/v1", key = "THERE"}}]\n'
        )
        assert kullm(home, "keys", "set", "THERE", stdin=server.token + "\n").returncode == 0
        base = str(local_folder(resolve("demo-base")))
        away = harness(home, "-m", "there/m", "--tokenizer", base, "--limit", "8")
    assert away["metrics"] == same["metrics"]


# Two rows a set, in the columns that the Hub's have.
KLUE: dict[str, Sequence[dict[str, Any]]] = {
    "ynat": [{"guid": "y0", "title": "유튜브 내달 2일까지 크리에이터 지원 공간 운영", "label": 3}, {"guid": "y1", "title": "프로야구 개막", "label": 5}],
    "nli": [
        {"guid": "n0", "premise": "비가 온다.", "hypothesis": "날이 맑다.", "label": 2},
        {"guid": "n1", "premise": "비가 온다.", "hypothesis": "비가 내린다.", "label": 0},
    ],
    "sts": [
        {"guid": "s0", "sentence1": "불을 켜 줘", "sentence2": "불 좀 켜", "labels": {"label": 4.9, "real-label": 4.857, "binary-label": 1}},
        {"guid": "s1", "sentence1": "불을 켜 줘", "sentence2": "밥 먹자", "labels": {"label": 0.0, "real-label": 0.0, "binary-label": 0}},
    ],
}  # fmt: skip
REDUX = [
    {"question": "대한민국의 수도는?", "options": ["부산", "서울", "대전", "광주"], "solution": 2, "license_name": "기사", "category": "지리"},
    {"question": " 3에 5를 더하면? ", "options": ["7", "8", "9", "10", "11"], "solution": 2, "license_name": "기사", "category": "수학"},
]  # fmt: skip


def _hub_folder(folder: Path, splits: Sequence[str], sets: dict[str, Sequence[dict[str, Any]]]) -> None:
    """A data set's repository as it lies at the Hub; `datasets` takes one that lies where it works before it asks anybody."""
    configs = []
    for name, rows in sets.items():
        place = folder / name
        place.mkdir(parents=True)
        for split in splits:
            (place / f"{split}.jsonl").write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
        files = "".join(f"  - split: {split}\n    path: {name}/{split}.jsonl\n" for split in splits)
        configs.append(f"- config_name: {name}\n  data_files:\n{files}")
    (folder / "README.md").write_text(f"---\nconfigs:\n{''.join(configs)}---\n")


def test_klue_and_kmmlu_redux_are_asked_by_files_of_our_own(home: Path) -> None:
    _hub_folder(home / "klue" / "klue", ("train", "validation"), KLUE)
    _hub_folder(home / "LGAI-EXAONE" / "KMMLU-Redux", ("test",), {"default": REDUX})
    command = ("eval", "harness", "-m", "demo-kullm", "--tasks", "klue,kmmlu_redux", "--json")
    done = kullm(home, *command, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf")}, seconds=SECONDS)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["task"]: one["n"] for one in found} == {"klue_nli": 2, "klue_sts": 2, "klue_ynat": 2, "kmmlu_redux": 2}
    assert all(one["metrics"]["acc"]["value"] in (0, 0.5, 1) for one in found)


def test_a_task_that_is_not_there_is_told_in_a_line_and_ctrl_c_leaves_nothing_behind(home: Path) -> None:
    done = kullm(home, "eval", "harness", "-m", "demo-base", "--tasks", "no_such_task", seconds=SECONDS)
    assert done.returncode == 1
    assert "no_such_task" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    terminal = Terminal(home, "eval", "harness", "-m", "demo-base", "--tasks", "made_here", "--task-folder", "tasks")
    terminal.waits_for("여는 중")
    terminal.types("\x03")
    assert terminal.ends() == 130
    mine = [line for line in _processes() if str(home) in line and ("kullm_tui.engine" in line or "lm_eval" in line)]
    assert mine == []


def _processes() -> list[str]:
    """Command lines and homes of this machine's processes, where it shows them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        found.append(words.decode(errors="replace"))
    return found
