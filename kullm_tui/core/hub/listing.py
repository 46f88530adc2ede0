"""What a repository holds, and which of its files a model needs: one form of weights, safetensors before pickles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kullm_tui.core.errors import HubError
from kullm_tui.core.language import say

# One way to carry a model's weights each, the preferred first; the engine reads them in the same order.
_WEIGHTS = (
    re.compile(r"model-\d+-of-\d+\.safetensors|model\.safetensors\.index\.json"),
    re.compile(r"model\.safetensors"),
    re.compile(r"pytorch_model-\d+-of-\d+\.bin|pytorch_model\.bin\.index\.json"),
    re.compile(r"pytorch_model\.bin"),
)
_ADAPTER_WEIGHTS = (re.compile(r"adapter_model\.safetensors"), re.compile(r"adapter_model\.bin"))
_BESIDE = re.compile(
    r".*(?<!\.index)\.json|.*\.(txt|model|jinja|tiktoken)|kullm\.toml|(LICENSE|LICENCE|NOTICE).*", re.I
)
_CODE = re.compile(r".*\.py")


@dataclass(frozen=True)
class HubFile:
    name: str
    bytes: int
    blob: str  # sha256 of a large file, git's hash of a small one


@dataclass(frozen=True)
class Listing:
    commit: str
    files: tuple[HubFile, ...]


def chosen_by_name(repository: str, files: Sequence[HubFile], patterns: Sequence[str]) -> tuple[HubFile, ...]:
    """The files that fit one of the patterns, in the order of their names; each pattern must fit one."""
    for file in files:
        _require_harmless(repository, file.name)
    missing = [pattern for pattern in patterns if not any(_fits(file.name, pattern) for file in files)]
    if missing:
        raise HubError(
            say(
                f"{repository}에 {', '.join(missing)} 파일이 없어요. 저장소가 바뀌었는지 확인하세요.",
                f"{repository} has no file {', '.join(missing)}. See whether the repository has changed.",
            )
        )
    chosen = [file for file in files if any(_fits(file.name, pattern) for pattern in patterns)]
    return tuple(sorted(chosen, key=lambda file: file.name))


def _fits(name: str, pattern: str) -> bool:
    """As in a folder: `*` stops at a slash."""
    return len(PurePosixPath(name).parts) == len(PurePosixPath(pattern).parts) and PurePosixPath(name).match(pattern)


def choose_files(repository: str, files: Sequence[HubFile], *, with_code: bool) -> tuple[HubFile, ...]:
    """Weights in one form, and what stands beside them; safetensors before pickles, never both."""
    for file in files:
        _require_harmless(repository, file.name)
    weights = [*_first_form(files, _WEIGHTS), *_first_form(files, _ADAPTER_WEIGHTS)]
    if not weights:
        raise HubError(
            say(
                f"{repository}에는 이 앱이 읽는 가중치(safetensors, pytorch_model.bin)가 없어요. "
                "GGUF나 AWQ라면 그것을 돌리는 서버를 엔드포인트로 등록하세요.",
                f"{repository} holds no weights that this app reads (safetensors, pytorch_model.bin). "
                "For GGUF or AWQ, add a server that runs them as an endpoint.",
            )
        )
    beside = [file for file in files if _BESIDE.fullmatch(file.name) or (with_code and _CODE.fullmatch(file.name))]
    chosen = {file.name: file for file in (*beside, *weights) if "/" not in file.name}
    return tuple(sorted(chosen.values(), key=lambda file: (file.bytes, file.name)))


def _first_form(files: Sequence[HubFile], forms: Sequence[re.Pattern[str]]) -> list[HubFile]:
    found = ([file for file in files if form.fullmatch(file.name)] for form in forms)
    return next((form for form in found if form), [])


def _require_harmless(repository: str, name: str) -> None:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or re.search(r"[\\\x00-\x1f\x7f]", name):
        raise HubError(
            say(
                f"{repository}의 파일 목록에 캐시 밖을 가리키는 이름이 있어 받지 않았어요: {name!r}. 다른 저장소를 쓰세요.",
                f"{repository} lists a file that would be written outside the cache, so nothing was fetched: {name!r}. "
                "Use another repository.",
            )
        )
