"""A file of the user's that cannot be read is told by what it is and where, in words of ours, whichever file it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluator.judge_table import judge_table
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.models.profiles import user_profiles
from kullm_tui.ui.conversation.personas import personas

BROKEN = {
    b"name = [": "TOML 형식이 아니에요",
    b'name = "\xff"': "UTF-8로 저장된 글이 아니에요",
    b"name = " + b"[" * 5000: "TOML 형식이 아니에요",
}


@pytest.mark.parametrize("content", BROKEN, ids=["cut short", "not UTF-8", "nested without end"])
@pytest.mark.parametrize(
    ("name", "read", "called"),
    [
        ("config.toml", load_config, "설정 파일을"),
        ("models.toml", user_profiles, "모델 프로필 파일을"),
        ("personas.toml", personas, "페르소나 파일을"),
        ("judges.toml", judge_table, "채점자 표를"),
    ],
)
def test_a_broken_file_is_told_by_what_it_is(
    content: bytes, name: str, read: Callable[[], object], called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read()
    assert str(error.value).startswith(f"{called} 고쳐 주세요: {tmp_path / name}\n  {BROKEN[content]}")
