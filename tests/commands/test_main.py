import subprocess
import sys
from pathlib import Path

import pytest

from kullm_tui import __version__
from kullm_tui.commands.main import VERBS, main
from tests.kullm_command import COMMAND, Terminal, environment, kullm


def test_help_lists_every_verb(tmp_path: Path) -> None:
    done = kullm(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for verb in VERBS:
        assert f"  {verb.name} " in done.stdout
        assert verb.korean in done.stdout


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_explains_itself_in_both_languages(tmp_path: Path, verb: str) -> None:
    korean = kullm(tmp_path, verb, "--help")
    english = kullm(tmp_path, verb, "--help", env={"KULLM_LANG": "en"})
    assert korean.returncode == english.returncode == 0
    assert korean.stdout.startswith(f"사용법: kullm {verb}")
    assert english.stdout.startswith(f"usage: kullm {verb}")
    assert not any("가" <= letter <= "힣" for letter in english.stdout)


def test_without_a_verb_the_app_opens(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.waits_for("구름")
    terminal.types("\x11")
    assert terminal.ends() == 0


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_terminal_that_cannot_draw_is_told_what_to_do(tmp_path: Path, language: str) -> None:
    terminal = Terminal(tmp_path, env={"TERM": "dumb", "KULLM_LANG": language})
    assert terminal.ends() == 2
    assert "TERM=xterm-256color" in terminal.shown
    assert 'kullm ask "' in terminal.shown


def test_the_version_is_told(tmp_path: Path) -> None:
    assert kullm(tmp_path, "--version").stdout == f"kullm {__version__}\n"


@pytest.mark.parametrize("arguments", [["asq"], ["--wrong"], ["config", "set", "model"], ["keys", "steal"]])
def test_wrong_usage_is_two_lines_and_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = kullm(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kullm: ")
    assert "--help" in done.stderr
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("arguments", "told", "where"),
    [
        (["ask", "--seed", "x", "?"], "--seed: 0에서", "kullm ask"),
        (["ask", "--temperature"], "--temperature: 값이 있어야 해요", "kullm ask"),
        (["ask", "--wrong", "?"], "알 수 없는 옵션이에요: --wrong", "kullm ask"),
        (["models", "list", "--wrong"], "알 수 없는 옵션이에요: --wrong", "kullm models list"),
        (
            ["models", "list", "--all", "--downloaded"],
            "--downloaded: 함께 쓸 수 없는 것이 있어요: --all",
            "kullm models list",
        ),
        (["models", "list", "--licence", "free"], "'free' 대신 이 중 하나를 쓰세요", "kullm models list"),
        (["models", "pull"], "빠진 인자가 있어요: NAME", "kullm models pull"),
        (["models", "add", "mine"], "이 중 하나가 있어야 해요: --repository", "kullm models add"),
        (["engine", "logs", "-n", "x"], "'x' 대신 정수를 쓰세요", "kullm engine logs"),
        (["--wrong"], "알 수 없는 옵션이에요: --wrong", "kullm"),
    ],
)
def test_usage_errors_are_korean_and_point_to_the_right_help(
    tmp_path: Path, arguments: list[str], told: str, where: str
) -> None:
    done = kullm(tmp_path, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert f"`{where} --help`" in done.stderr
    assert not any(word in done.stderr for word in ("argument", "invalid", "required", "choose"))


@pytest.mark.parametrize("verb", ["models", "config", "keys", "engine"])
def test_a_verb_without_its_action_shows_its_help_and_is_wrong_usage(tmp_path: Path, verb: str) -> None:
    done = kullm(tmp_path, verb)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"사용법: kullm {verb}")


def test_a_home_that_cannot_be_used_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for arguments in (["ask", "-m", "kullm-5.8b", "?"], ["keys", "list"], ["engine", "status"]):
        for home in (file, file / "below"):
            done = kullm(tmp_path, *arguments, env={"KULLM_HOME": str(home)})
            assert done.returncode == 1
            assert str(home) in done.stderr
            assert "KULLM_HOME" in done.stderr or "설정 파일" in done.stderr
            assert "안의 오류" not in done.stderr


def test_what_is_quoted_back_cannot_steer_the_terminal(tmp_path: Path) -> None:
    done = kullm(tmp_path, "\x1b[2J\x1b]0;제목\x07asq")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_an_error_is_short_and_its_traceback_is_for_debugging(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("modle = 1")
    short, whole = kullm(tmp_path, "config", "show"), kullm(tmp_path, "config", "show", "--debug")
    assert short.returncode == whole.returncode == 1
    assert "Traceback" not in short.stderr
    assert "혹시 model인가요" in short.stderr
    assert "Traceback" in whole.stderr
    assert kullm(tmp_path, "--debug", "config", "show").stderr == whole.stderr


def test_a_bug_is_one_line_that_says_how_to_see_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setattr("kullm_tui.commands.config.load_config", lambda: 1 // 0)
    assert main(["config", "show"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["--debug", "config", "show"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_an_interrupt_is_130_and_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kullm_tui.commands.config.config_file", interrupted)
    assert main(["config", "path"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    reader = subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.PIPE)
    reader.wait()
    assert reader.stdin is not None
    done = subprocess.run(
        [*COMMAND, "--help"],
        stdout=reader.stdin,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        timeout=240,
        check=False,
    )
    reader.stdin.close()
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_terminal_without_korean_letters_gets_replacements(tmp_path: Path) -> None:
    done = kullm(tmp_path, "--help", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "?" in done.stdout


def test_the_configured_language_is_spoken_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('language = "en"')
    assert kullm(tmp_path, "--help", env={"KULLM_LANG": ""}).stdout.startswith("usage:")
    assert kullm(tmp_path, "--help").stdout.startswith("사용법:")


def test_a_broken_configuration_does_not_stop_the_help(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[[[")
    assert kullm(tmp_path, "--help", env={"KULLM_LANG": ""}).returncode == 0


@pytest.mark.parametrize("arguments", [["--help"], ["config", "path"], ["keys", "list"], ["ask", "--help"]])
def test_only_what_a_verb_needs_is_imported(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys; from kullm_tui.commands.main import main; main(sys.argv[1:]);"
        "print([n for n in ('openai', 'httpx', 'httpx2', 'pydantic', 'torch', 'textual', 'transformers') if n in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=240,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_imports_few_modules(tmp_path: Path) -> None:
    """How long that takes is for bench/moments.py: 127 modules are a moment, and a library more would be hundreds."""
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "kullm_tui", "--help"],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        timeout=240,
        check=True,
    )
    assert sum("|" in line for line in done.stderr.splitlines()) < 180


def test_files_in_the_current_folder_are_never_run(tmp_path: Path) -> None:
    for name in ("json", "argparse", "kullm_tui", "data", "tomllib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    assert kullm(tmp_path, "config", "show").returncode == 0
