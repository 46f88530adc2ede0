"""The records of a data source, each with its number there; what cannot be a record is a Rejection, counted and shown.

A source is a file, `demo:NAME`, or a data set of the hub (OWNER/NAME, or a folder that `datasets` reads). Rows are known by their
number alone: ids in data sets repeat. Those of several sources are numbered on.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice, repeat, starmap
from pathlib import Path
from typing import Any

from data.sources.columns import mapped, usable
from data.sources.files import digest_of, rows_of_file
from data.sources.raw import BadLine, Raw, RawRow
from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError, HubError, MissingExtra
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import REPOSITORY
from kullm_tui.core.records import BadRecord, Record, read_record
from trainer.built_sets import MIXTURE
from trainer.dataset.columns import require_columns
from trainer.dataset.prompt_rows import PromptRow, is_prompt_row, read_prompt_row
from trainer.recipe import DataChoice

DEMO = "demo:"
_LOOKED_AT = 100  # rows whose columns decide whether the source can be read at all


@dataclass(frozen=True)
class Row:
    number: int
    record: Record | PromptRow


@dataclass(frozen=True)
class Rejection:
    """A row that is not trained. `reason` is counted; `detail` is said."""

    number: int
    reason: str
    detail: str


def records(data: DataChoice) -> Iterator[Row | Rejection]:
    """Every row of each source, up to the limit. A source without rows, or with columns of other names, is refused."""
    choices = each_of(data)
    return _records(data) if len(choices) == 1 else _joined(choices)


def each_of(data: DataChoice) -> list[DataChoice]:
    """One for each of its sources."""
    return [replace(data, source=source) for source in data.sources]


def _joined(choices: Iterable[DataChoice]) -> Iterator[Row | Rejection]:
    before = 0
    for data in choices:
        number = 0
        for row in _records(data):
            number = row.number
            yield _numbered_on(row, before, data.named)
        before += number


def _numbered_on(row: Row | Rejection, before: int, source: str) -> Row | Rejection:
    if isinstance(row, Row):
        return Row(before + row.number, row.record)
    name, number = Path(source).name, row.number
    told = say(f"{name} {number}번째 행: {row.detail}", f"{name}, row {number}: {row.detail}")
    return Rejection(before + number, row.reason, told)


def _records(data: DataChoice) -> Iterator[Row | Rejection]:
    raw = _raw_rows(data)
    if data.limit:
        raw = islice(raw, data.limit)
    first = list(islice(raw, _LOOKED_AT))
    if not first:
        raise ConfigError(
            say(
                f"{data.named}에 행이 없어요. 파일을 확인하세요.",
                f"{data.named} holds no rows. Look into the file.",
            )
        )
    tables = [row.fields for row in first if isinstance(row, RawRow) and not is_prompt_row(row.fields)]
    if tables:
        require_columns(tables, data.columns, data.named)
    for row in chain(first, raw):
        yield _record(row, data.columns)


def look_into(data: DataChoice) -> None:
    """Of sources on this machine: one that is not there, or has no rows or columns of other names, is refused."""
    for choice in each_of(data):
        if not (is_folder(choice.named) or _is_of_the_hub(choice.named)):
            next(_records(choice))


def rows_there(source: str) -> int | None:
    """Of a file on this machine, counted once."""
    path = file_at(source)
    if path is None:
        return None
    found = path.stat()
    return _counted(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _counted(path: Path, _size: int, _changed: int) -> int:
    return sum(1 for _ in rows_of_file(path))


def fingerprint(data: DataChoice) -> str:
    """Equal where the sources' content is."""
    choices = each_of(data)
    if len(choices) == 1:
        return _fingerprint(data)
    return hashlib.sha256("\n".join(map(_fingerprint, choices)).encode()).hexdigest()


def _fingerprint(data: DataChoice) -> str:
    source = data.named
    path = file_at(source)
    if path:
        return digest_of([path])
    if source.startswith(DEMO):
        from data.demo import corpus

        return hashlib.sha256(f"{source} {digest_of(corpus.made_from())}".encode()).hexdigest()
    stored = [Path(file["filename"]) for file in _data_set(data).cache_files]
    return digest_of(stored)


def content_digest(record: Record | PromptRow) -> bytes:
    """Of what a record says, whatever its id."""
    return _digest((message.role, message.content, message.input) for message in record.messages)


def prompt_digest(record: Record | PromptRow) -> bytes:
    """Of what its last reply answers, however it is spaced."""
    said = [(message.role, " ".join(f"{message.content}\n{message.input}".split())) for message in record.messages]
    while said and said[-1][0] == "assistant":
        said.pop()
    return _digest(said)


def _digest(said: Iterable[tuple[str, ...]]) -> bytes:
    return hashlib.sha256(json.dumps(list(said), ensure_ascii=True).encode()).digest()


def file_at(source: str) -> Path | None:
    """The source's file, where it is one."""
    if source.startswith(DEMO):
        return None
    try:
        path = paths.typed(source)
        return path if path.is_file() else None
    except (OSError, RuntimeError):  # no file can have this name, or nobody that home
        return None


def is_folder(source: str) -> bool:
    try:
        return not source.startswith(DEMO) and paths.typed(source).is_dir()
    except (OSError, RuntimeError):
        return False


def demo_sets() -> list[str]:
    from data.demo.mixture import NAMES

    return [f"{DEMO}{name}" for name in NAMES]


def _raw_rows(data: DataChoice) -> Iterator[Raw]:
    source = data.named
    if source.startswith(DEMO):
        return _demo_rows(source.removeprefix(DEMO), data.split)
    path = file_at(source)
    if path:
        return map(_whole, repeat(path), rows_of_file(path))
    return starmap(RawRow, enumerate(_data_set(data), start=1))


def _whole(path: Path, raw: Raw) -> Raw:
    """A file that is damaged in itself is not trained on, even where some of it can be read."""
    if isinstance(raw, BadLine) and raw.of_file:
        raise ConfigError(
            say(
                f"{path} {raw.number}번째 줄을 읽을 수 없어요({raw.fault}). 그 줄을 고치거나 UTF-8로 다시 저장해 주세요.",
                f"{path}, line {raw.number} cannot be read ({raw.fault}). Correct it, or save the file as UTF-8.",
            )
        )
    return raw


def _demo_rows(name: str, split: str) -> Iterator[Raw]:
    from data.demo import corpus

    try:
        yield from starmap(RawRow, enumerate(corpus.records(name, split), start=1))
    except ValueError as error:
        raise ConfigError(
            say(f"예제 데이터 {DEMO}{name}({split})이 없어요.", f"There is no demo data {DEMO}{name} ({split}).")
        ) from error


def _data_set(data: DataChoice) -> Any:
    name = data.named
    of_folder = is_folder(name)
    if name.startswith(MIXTURE):
        raise ConfigError(_not_built(name.removeprefix(MIXTURE)))
    if not of_folder and not _is_of_the_hub(name):
        raise ConfigError(
            say(
                f"데이터 파일이 없어요: {name}. 경로를 확인하세요.",
                f"There is no data file {name}. Check the path.",
            )
        )
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra(
            say(
                "허브의 데이터셋을 읽으려면 datasets가 필요해요: pip install 'kullm[train]'",
                "Data sets of the hub need datasets: pip install 'kullm[train]'",
            )
        ) from error
    try:
        return datasets.load_dataset(str(paths.typed(name)) if of_folder else name, split=data.split)
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise HubError(
            say(
                f"데이터셋 {name}({data.split})을 받지 못했어요: {first_line}\n이름과 data.split, 네트워크를 확인하거나 파일로 받아 --set data.source=파일로 정하세요.",
                f"The data set {name} ({data.split}) did not arrive: {first_line}\n"
                "Check its name, data.split and the network, or name a file with --set data.source=FILE.",
            )
        ) from error


def _is_of_the_hub(source: str) -> bool:
    """By its name: a file that is not there is none of the hub's data sets."""
    is_file = file_at(source) is not None or Path(source).suffix in (".json", ".jsonl", ".csv", ".tsv")
    return not is_file and not source.startswith(DEMO) and REPOSITORY.fullmatch(source) is not None


def _not_built(name: str) -> str:
    return say(
        f"{name} 혼합은 아직 만들지 않았어요. 먼저 만드세요: `kullm data build {name}`(직접 쓴 혼합이면 `{name}.toml`)",
        f"{name} is not built yet. Build it first: `kullm data build {name}`, or `{name}.toml` where it is a file of yours.",
    )


def _record(row: Raw, columns: Mapping[str, str]) -> Row | Rejection:
    if isinstance(row, BadLine):
        return Rejection(row.number, row.reason, row.fault)
    number, table, _ = row
    found = mapped(table, columns)
    try:
        if is_prompt_row(table):
            return Row(number, read_prompt_row(table, found))
        if usable(found):
            return Row(number, read_record(found))
    except BadRecord as error:
        return Rejection(number, "form", str(error))
    listed = ", ".join(map(str, table))
    return Rejection(number, "columns", say(f"읽을 열이 없어요: {listed}", f"no column to read among: {listed}"))
