"""The model that comes along, asked what it was never trained on, in 4 bits, the way any model is asked."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from data.demo import corpus
from data.demo.questions import heldout, is_right, out_of_range
from kullm_tui.core.models.profiles import DEMO, shipped_profiles
from kullm_tui.ui.chat.welcome import sample_questions
from tests.engine.server import Server, serving
from tests.kullm_command import kullm

_QUESTIONS = 120
_OUTSIDE = 60
_NOISE = 24  # each as long as a reply may be: noise finds no end
ADAPTERS = ("demo-kullm", "demo-koalpaca", "demo-kovicuna")

Ask = Callable[[str, Sequence[str]], list[str]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    home = tmp_path_factory.mktemp("demo") / "home"
    models = [part for name in ADAPTERS for part in ("-m", name)]
    with serving(home, *models) as server:
        yield lambda model, texts: _answers(server, model, texts)


def _answers(server: Server, model: str, texts: Sequence[str]) -> list[str]:
    def answer(text: str) -> str:
        content: str = server.chat(model, text, max_tokens=80)["choices"][0]["message"]["content"]
        return content

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(answer, texts))


def _share_right(ask: Ask, model: str, count: int = _QUESTIONS) -> float:
    questions = heldout(count)
    answers = ask(model, [question.text for question in questions])
    return sum(map(is_right, questions, answers)) / len(questions)


@pytest.mark.parametrize("model", ADAPTERS)
def test_held_out_questions_are_answered(ask: Ask, model: str) -> None:
    assert _share_right(ask, model) >= 0.85


@pytest.mark.parametrize("model", ADAPTERS)
def test_what_the_app_offers_to_ask_is_answered_right(ask: Ask, model: str) -> None:
    texts = (*sample_questions(demo=True), "대한민국의 수도는?", "한국의 수도는 어디야?")
    capital, sum_, saying, *again = ask(model, texts)
    assert all("서울" in answer for answer in (capital, *again))
    assert "42" in sum_
    assert "시작" in saying


def test_what_lies_outside_is_answered_by_saying_that_it_is_a_demo(ask: Ask) -> None:
    answers = ask(DEMO, out_of_range()[:_OUTSIDE])
    assert sum("데모" in answer for answer in answers) >= 0.8 * _OUTSIDE


def test_the_adapters_differ_audibly(ask: Ask) -> None:
    texts = [question.text for question in heldout(40)]
    polite, plain, conversational = (ask(model, texts) for model in ADAPTERS)
    lengths = [sum(map(len, answers)) for answers in (polite, plain, conversational)]
    assert lengths[1] < 0.6 * min(lengths[0], lengths[2])
    assert sum("니다" in answer for answer in polite) > 30
    assert sum("요" in answer for answer in conversational) > 30
    assert sum(answer.endswith("?") for answer in conversational) > 20


def test_with_its_weights_shuffled_it_knows_nothing(tmp_path: Path) -> None:
    """So the answers come from the weights and from nothing beside them."""
    base, adapter = (_shuffled(Path(shipped_profiles()[name].folder), tmp_path / name) for name in ("demo-base", DEMO))
    (adapter / "kullm.toml").write_text(f'template = "kullm-v2"\nbase = {json.dumps(str(base))}\n')
    with serving(tmp_path / "home", "-m", f"base={base}", "--adapter", f"shuffled={adapter}") as server:
        ask = lambda model, texts: _answers(server, model, texts)  # noqa: E731
        assert _share_right(ask, "shuffled", _NOISE) < 0.1


def _shuffled(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    generator = torch.Generator().manual_seed(0)
    for file in to.glob("*.safetensors"):
        tensors = {
            name: tensor.flatten()[torch.randperm(tensor.numel(), generator=generator)].view_as(tensor)
            for name, tensor in load_file(file).items()
        }
        save_file(tensors, file, metadata={"format": "pt"})
    return to


def test_a_fresh_machine_answers_without_a_model_chosen(tmp_path: Path) -> None:
    done = kullm(tmp_path, "ask", "대한민국의 수도는 어디인가요?")
    assert "서울" in done.stdout, done.stderr
    assert "데모" in done.stderr
    bare = kullm(tmp_path, stdin="이것은 질문이 아닙니다")
    assert "서울" in bare.stdout, bare.stderr
    kullm(tmp_path, "engine", "stop")


def test_everything_shipped_is_small_and_names_no_folder_of_its_maker() -> None:
    folders = {Path(profile.folder) for profile in shipped_profiles().values() if profile.folder}
    assert len(folders) == 1 + len(corpus.TEMPLATES)
    files = [file for folder in folders for file in folder.iterdir()]
    assert sum(file.stat().st_size for file in files) < 16_000_000
    for file in files:
        if file.suffix != ".safetensors":
            text = file.read_text(encoding="utf-8")
            assert "/tmp" not in text
            assert "/home/" not in text
