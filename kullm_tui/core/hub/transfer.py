"""The traffic with the hub: a repository's listing, and files that arrive whole, with the announced hash, or are gone on with later."""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import HubError
from kullm_tui.core.hub.cache import COMMIT, DATASETS, part_of
from kullm_tui.core.hub.errors import CutShort, hub_endpoint, hub_http
from kullm_tui.core.hub.listing import HubFile, Listing
from kullm_tui.core.language import say

Progress = Callable[
    [int, int], None
]  # bytes done, bytes in all; what it raises ends the download, which can be resumed

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TRIES = 5  # in a row without a new byte
_WAIT_SECONDS = 1.0


class HubSource:
    """One repository at the hub, through huggingface_hub's own client."""

    def __init__(self, repository: str, token: str | None) -> None:
        from huggingface_hub import constants, get_token

        self._repository = repository
        self._endpoint = hub_endpoint()
        # Compressed on the way, a listing may be a bomb, and a file's length would not be its own and no range of it could be asked for.
        # The library's own headers name what is installed here and who runs it, which it asks the hub about first.
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "kullm"}
        known = token or (None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token())
        if known:
            self._headers["Authorization"] = f"Bearer {known}"
        self._list_seconds = float(constants.HF_HUB_ETAG_TIMEOUT)
        self._read_seconds = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)

    def listing(self, revision: str) -> Listing:
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

        validate_repo_id(self._repository.removeprefix(DATASETS))
        content = _patiently(lambda: self._listing_bytes(revision))
        try:
            answer = foreign_json.parsed(content)
            files = tuple(_hub_file(sibling) for sibling in answer["siblings"])
            commit = str(answer["sha"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._senseless() from error
        if not COMMIT.fullmatch(commit):
            raise self._senseless()
        return Listing(commit, files)

    def _listing_bytes(self, revision: str) -> bytes:
        from kullm_tui.core.endpoints.bounds import bound_answer_now

        kind = "" if self._repository.startswith(DATASETS) else "models/"
        place = f"api/{kind}{self._repository}/revision/{quote(revision, safe='')}?blobs=true"
        with self._answer(place, self._list_seconds) as response:
            return bound_answer_now(response)

    def stream(self, commit: str, file: HubFile, begin: int) -> contextlib.AbstractContextManager[Any]:
        """The file's content from this byte on, as a response of httpx."""
        return self._answer(f"{self._repository}/resolve/{commit}/{quote(file.name)}", self._read_seconds, begin)

    @contextlib.contextmanager
    def _answer(self, place: str, seconds: float, begin: int = 0) -> Iterator[Any]:
        from huggingface_hub.utils import get_session, hf_raise_for_status  # type: ignore[attr-defined]

        headers = {**self._headers, "Range": f"bytes={begin}-"} if begin else self._headers
        with get_session().stream("GET", f"{self._endpoint}/{place}", headers=headers, timeout=seconds) as response:
            hf_raise_for_status(response)
            yield response

    def _senseless(self) -> HubError:
        return HubError(
            say(
                f"{self._endpoint}의 답을 알아볼 수 없어요. HF_ENDPOINT가 허깅페이스와 같은 방식의 서버인지 확인하세요.",
                f"The answer of {self._endpoint} makes no sense. Check that HF_ENDPOINT names a hub.",
            )
        )


def _hub_file(sibling: Any) -> HubFile:
    large = sibling.get("lfs")
    blob = str(large["sha256"] if large else sibling["blobId"])
    size = int(large["size"] if large else sibling["size"])
    if not _BLOB.fullmatch(blob) or size < 0:
        raise ValueError(blob)
    return HubFile(str(sibling["rfilename"]), size, blob)


@dataclass
class Meter:
    total: int
    progress: Progress | None
    _done: int = field(default=0)

    def add(self, count: int) -> None:
        self._done += count
        if self.progress:
            self.progress(self._done, self.total)


def obtain(source: HubSource, commit: str, file: HubFile, folder: Path, meter: Meter) -> None:
    blob = folder / "blobs" / file.blob
    if blob.is_file() and blob.stat().st_size == file.bytes:
        meter.add(file.bytes)
        return
    part = part_of(blob)
    part.touch()
    if part.stat().st_size > file.bytes:
        part.write_bytes(b"")
    meter.add(part.stat().st_size)
    if file.bytes:
        _patiently(lambda: _receive(source, commit, file, part, meter), moved=lambda: part.stat().st_size)
    if _hash_of(part, file) != file.blob:
        part.unlink()
        raise HubError(
            say(
                f"받은 {file.name} 파일이 허브가 알려 준 내용과 달라 버렸어요. 다시 받아 보세요.",
                f"What arrived of {file.name} is not what the hub announced; it was thrown away. Try again.",
            )
        )
    part.replace(blob)


def _receive(source: HubSource, commit: str, file: HubFile, part: Path, meter: Meter) -> None:
    """Append to the part until the file is whole; what a broken connection brought is kept."""
    begin = part.stat().st_size
    if begin == file.bytes:
        return
    with source.stream(commit, file, begin) as response, part.open("ab", buffering=0) as sink:
        if begin and not _continues(response, begin):
            sink.truncate(0)
            meter.add(-begin)
            begin = 0
        for chunk in response.iter_raw():  # as it arrives: a larger chunk would be lost with the connection
            usable = chunk[: file.bytes - begin]
            sink.write(usable)
            begin += len(usable)
            meter.add(len(usable))
            if len(usable) < len(chunk):
                break
    if begin < file.bytes:
        raise CutShort


def _continues(response: Any, begin: int) -> bool:
    return response.status_code == 206 and str(response.headers.get("Content-Range", "")).startswith(f"bytes {begin}-")


def _patiently(action: Callable[[], Any], *, moved: Callable[[], int] = lambda: 0) -> Any:
    """The action, tried again when the network or the server failed, unless several tries in a row moved nothing."""
    from huggingface_hub.errors import HfHubHTTPError

    transport_error = hub_http().TransportError
    failures, seen = 0, moved()
    while True:
        try:
            return action()
        except (transport_error, HfHubHTTPError, CutShort) as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in (408, 429, 500, 502, 503, 504):
                raise
            failures = 1 if moved() > seen else failures + 1
            seen = moved()
            if failures >= _TRIES:
                raise
            time.sleep(_WAIT_SECONDS)


def _hash_of(path: Path, file: HubFile) -> str:
    digest = hashlib.sha256() if len(file.blob) == 64 else hashlib.sha1(f"blob {file.bytes}\0".encode())
    with path.open("rb") as content:
        return hashlib.file_digest(content, lambda: digest).hexdigest()
