"""What is trained, as a person sees it."""

from pathlib import Path

import pytest

from tests.trainer.sets import EOS, json_lines, recipe_of, row, tokenizer_folder
from trainer.dataset.show import rendered, shown

PROMPT = "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n### 명령어:\n안녕?\n\n### 응답:\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_folder(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")


def test_the_trained_tokens_stand_in_brackets(base: Path, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "a.jsonl", [row(instruction="안녕?", output="반가워요.\n또 봐요.")])
    (one,) = shown(recipe_of(base, source), base, 3)
    head, text = rendered(one, marked_by_terminal=False).split("\n", 1)
    assert text == f"{PROMPT}⟦반가워요.\n또 봐요.{EOS}⟧"
    assert head == f"── row 1 · {one.tokens} tokens · {one.trained_tokens} trained"
    assert 0 < one.trained_tokens < one.tokens


def test_on_a_terminal_they_are_reversed_line_by_line(base: Path, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "a.jsonl", [row(instruction="안녕?", output="반가워요.\n또 봐요.")])
    (one,) = shown(recipe_of(base, source), base, 1)
    text = rendered(one, marked_by_terminal=True)
    assert text.endswith(f"\x1b[7m반가워요.\x1b[27m\n\x1b[7m또 봐요.{EOS}\x1b[27m")


def test_what_a_terminal_would_obey_is_not_printed(base: Path, tmp_path: Path) -> None:
    bad = "\x1b]0;제목\x07\x1b[2J"
    source = json_lines(tmp_path / "a.jsonl", [row(instruction=f"안녕?{bad}", output=f"{bad}반가워요."), {bad: 1}])
    text = "\n".join(rendered(one, marked_by_terminal=False) for one in shown(recipe_of(base, source), base, 2))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert f"⟦반가워요.{EOS}⟧" in text


def test_cut_and_rejected_rows_say_so(base: Path, tmp_path: Path) -> None:
    source = json_lines(tmp_path / "a.jsonl", [row(output="긴 답변. " * 200), row(output=""), row()])
    first, second = shown(recipe_of(base, source, cutoff=300), base, 2)
    assert rendered(first, marked_by_terminal=False).partition("\n")[0].endswith("cut (no end token)")
    assert EOS not in rendered(first, marked_by_terminal=False)
    assert rendered(second, marked_by_terminal=False).startswith(
        "── row 2: not trained (a question or a reply is empty)"
    )


def test_loss_on_all_marks_all_but_the_first(base: Path, tmp_path: Path) -> None:
    (one,) = shown(recipe_of(base, json_lines(tmp_path / "a.jsonl", [row()]), loss="all"), base, 1)
    assert one.trained_tokens == one.tokens - 1
