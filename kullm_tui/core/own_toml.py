"""A TOML file that its user may have written: read, and everything that is wrong with it told at once, by its path."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say


@dataclass(frozen=True)
class OwnToml:
    path: Path
    korean: str  # what it is, as the object of a sentence: 설정 파일을, 가격표를

    def rejected(self, faults: Sequence[str]) -> ConfigError:
        listed = "\n".join(f"  {fault}" for fault in faults)
        return ConfigError(
            say(f"{self.korean} 고쳐 주세요: {self.path}\n{listed}", f"please correct {self.path}:\n{listed}")
        )

    def text(self) -> str:
        """Empty where there is no file."""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise self.rejected([say("UTF-8로 저장된 글이 아니에요.", "the text is not UTF-8.")]) from error
        except OSError as error:
            cause = cause_of(error)
            raise self.rejected([say(f"읽을 수 없어요: {cause}", f"cannot be read: {cause}")]) from error

    def tables(self) -> dict[str, Any]:
        return self.tables_in(self.text())

    def tables_in(self, text: str) -> dict[str, Any]:
        """Of a text that is to be the file's."""
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # not TOML, a number of thousands of digits, nested without end
            told = say(f"TOML 형식이 아니에요: {cause_of(error)}", f"this is not TOML: {error}")
            raise self.rejected([told]) from error
