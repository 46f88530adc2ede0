"""The prompt written in the user's editor, which takes the terminal and gives it back."""

from pathlib import Path

from tests.tmux import Tmux


def editor(path: Path, does: str) -> str:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return str(path)


def test_what_the_editor_leaves_stands_in_the_prompt_and_is_sent(tmp_path: Path) -> None:
    does = 'cp "$1" seen; printf "둘째 줄: 대한민국의 수도는?\\n" >> "$1"; clear; echo 편집기예요; read _'
    with Tmux(tmp_path, env={"EDITOR": editor(tmp_path / "my editor", does).replace(" ", "\\ ")}) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.types("첫 줄")
        tmux.shows("첫 줄")
        tmux.presses("C-x")
        tmux.shows("편집기예요")
        tmux.presses("Enter")
        tmux.shows("첫 줄둘째 줄: 대한민국의 수도는?", "보내기")
        assert (tmp_path / "seen").read_text() == "첫 줄"
        tmux.presses("Enter")
        tmux.shows("토큰 ·")
        tmux.presses("C-q")


def test_one_that_fails_leaves_what_was_written(tmp_path: Path) -> None:
    with Tmux(tmp_path, env={"VISUAL": editor(tmp_path / "fails", "exit 3")}) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.types("쓰던 글")
        tmux.shows("쓰던 글")
        tmux.presses("C-x")
        tmux.shows("종료 코드 3", "쓰던 글")
        tmux.presses("C-q")
