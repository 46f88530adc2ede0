"""The parts that the base install leaves out."""

import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import MissingExtra
from kullm_tui.core.language import say

_LOCAL_NEEDS = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "starlette", "uvicorn")
_WEB_NEEDS = ("aiohttp", "textual_serve")
_DATA_NEEDS = ("deepl", "langid", "lingua", "numpy", "pyarrow")


def require_local() -> None:
    """Refuses, with the way to get it, where models cannot run on this machine."""
    _require(_LOCAL_NEEDS, "local", "이 컴퓨터에서 모델을 돌리려면", "Running models on this machine")


def lacking_local() -> list[str]:
    """What of it is missing on this machine."""
    return _lacking(_LOCAL_NEEDS)


def require_data() -> None:
    """The same where data sets cannot be built."""
    _require(_DATA_NEEDS, "data", "데이터를 만들려면", "Building data sets")


def require_parquet() -> None:
    _require(("pyarrow",), "data", "Parquet 파일을 읽으려면", "Reading Parquet files")


def require_web() -> None:
    _require(_WEB_NEEDS, "web", "앱을 브라우저에서 열려면", "Opening the app in a browser")


def require_tracker(package: str) -> None:
    """The same where metrics cannot go along to one that is not installed."""
    _require((package,), "mirrors", f"수치를 {package}에도 남기려면", f"Giving metrics to {package}")


def require_gguf() -> None:
    _require(("gguf",), "gguf", "GGUF로 내보내려면", "Exporting GGUF files")


def _require(names: Sequence[str], extra: str, korean: str, english: str) -> None:
    missing = ", ".join(_lacking(names))
    if missing:
        raise MissingExtra(
            say(
                f"{korean} 다음 패키지가 더 필요해요: {missing}. 설치: {installs(extra)}",
                f"{english} also needs {missing}. Install: {installs(extra)}",
            )
        )


def _lacking(names: Sequence[str]) -> list[str]:
    return [name for name in names if find_spec(name) is None]


def installs(extra: str) -> str:
    """The command that brings it to where this kullm is: its own pip, and the folder that it came from."""
    pip = f"{shlex.quote(sys.executable)} -m pip" if find_spec("pip") else "pip"
    origin, editable = _origin()
    return f"{pip} install {'-e ' if editable else ''}{shlex.quote(f'{origin}[{extra}]')}"


def _origin() -> tuple[str, bool]:
    """A clone's folder, and whether that is what runs; otherwise the name under which an index has it."""
    from importlib import metadata  # only who lacks something waits for it

    texts = (one.read_text("direct_url.json") for one in metadata.distributions(name="kullm"))
    told = foreign_json.parsed(next(filter(None, texts), '{"url": ""}'))
    url = urlsplit(told["url"])
    if url.scheme == "file" and Path(unquote(url.path)).is_dir():
        return unquote(url.path), bool(told.get("dir_info", {}).get("editable"))
    return "kullm", False
