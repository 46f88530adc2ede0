"""The parts that the base install leaves out."""

from importlib.util import find_spec

from kullm_tui.core.errors import MissingExtra
from kullm_tui.core.language import say

_LOCAL_NEEDS = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "starlette", "uvicorn")


def require_local() -> None:
    """Refuses, with the way to get it, where models cannot run on this machine."""
    missing = [name for name in _LOCAL_NEEDS if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            say(
                f"이 컴퓨터에서 모델을 돌리려면 다음 패키지가 더 필요해요: {', '.join(missing)}. 설치: pip install 'kullm[local]'",
                f"Running models on this machine also needs {', '.join(missing)}. Install: pip install 'kullm[local]'",
            )
        )


def require_parquet() -> None:
    if find_spec("pyarrow") is None:
        raise MissingExtra(
            say(
                "Parquet 파일을 읽으려면 pyarrow가 필요해요: pip install 'kullm[data]'",
                "Parquet files need pyarrow: pip install 'kullm[data]'",
            )
        )
