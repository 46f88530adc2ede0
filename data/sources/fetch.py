"""The files of a source, fetched where they are not here already: from the hub, from an address, or from where the user has them."""

from dataclasses import dataclass
from pathlib import Path

from data.sources.catalogue import Source
from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.hub.cache import DATASETS, cached_files
from kullm_tui.core.hub.fetch import pull_files
from kullm_tui.core.hub.token import hub_token
from kullm_tui.core.hub.transfer import Progress
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Fetched:
    files: tuple[Path, ...]
    revision: str = ""  # the commit that they are of, or the sha256 of the one file; empty for files of the user's


def fetch(source: Source, *, progress: Progress | None = None) -> Fetched:
    """What is pinned and here is not asked for again."""
    found = here(source)
    if found and source.is_pinned:
        return found
    if source.repository:
        name = DATASETS + source.repository
        pulled = pull_files(name, source.files, revision=source.revision or None, progress=progress, token=hub_token())
        return Fetched(pulled.files, pulled.commit)
    if source.url:
        from data.sources.web_file import fetched

        one = fetched(source.url, sha256=source.sha256, progress=progress)
        return Fetched((one.path,), one.sha256)
    if source.own:
        return Fetched(())
    return Fetched(_of_the_users(source))


def here(source: Source) -> Fetched | None:
    """Without asking anybody: what was fetched earlier, or lies here anyway. A pattern says nothing of what it would fit."""
    if source.repository:
        if any("*" in name for name in source.files):
            return None
        folder = cached_files(DATASETS + source.repository, source.revision or None, source.files)
        return Fetched(tuple(folder / name for name in source.files), folder.name) if folder else None
    if source.url:
        from data.sources.web_file import remembered

        one = remembered(source.url)
        return Fetched((one.path,), one.sha256) if one and source.sha256 in ("", one.sha256) else None
    if source.own:
        return Fetched(())
    return Fetched(_of_the_users(source)) if source.files else None


def _of_the_users(source: Source) -> tuple[Path, ...]:
    if not source.files:
        raise ConfigError(
            say(
                f"{source.name}: {source.page}에서 파일을 받아 `--file`로 알려 주세요.",
                f"{source.name}: fetch its file from {source.page} and name it with `--file`.",
            )
        )
    found = tuple(paths.typed(name) for name in source.files)
    missing = ", ".join(str(path) for path in found if not path.is_file())
    if missing:
        raise ConfigError(
            say(f"파일이 없어요: {missing}. 경로를 확인하세요.", f"There is no file {missing}. Check the path.")
        )
    return found
