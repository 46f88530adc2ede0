"""Questions that one asks again and again: `prompts.toml` beside the configuration, a table with a title and a text each. The palette puts one
into the prompt, to be filled in."""

from pathlib import Path

from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file
from kullm_tui.ui.conversation.presets import Preset, read_presets


def user_file() -> Path:
    return config_file().with_name("prompts.toml")


def phrases() -> list[Preset]:
    return list(read_presets(OwnToml(user_file(), "질문 파일을"), "text").values())
