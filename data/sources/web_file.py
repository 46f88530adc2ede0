"""A file at an address of the web: fetched once, gone on with where it was cut off, its sha256 remembered.

    cache/sources/KEY/NAME          the file, whole
    cache/sources/KEY/NAME.part     while it arrives
    cache/sources/KEY/facts.json    the address, the server's mark of what it sends, the length and sha256 of what was fetched

The digest stays when the file is deleted: an address that sends something else later is told, never read in silence.
"""

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kullm_tui.core import foreign_json, paths
from kullm_tui.core.causes import cause_of, connection_cause, is_full
from kullm_tui.core.endpoints.bounds import refuse_packed
from kullm_tui.core.endpoints.errors import TooMuch
from kullm_tui.core.errors import HubError, KullmError, NoSpace
from kullm_tui.core.files import publish
from kullm_tui.core.hub.transfer import Progress
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text

_TRIES = 5  # in a row without a new byte
_WAIT_SECONDS = 1.0
_QUIET_SECONDS = 60.0
_NO_SUCH_RANGE = 416
_BUSY = (408, 429, 500, 502, 503, 504)
_FREE_MARGIN_BYTES = 64 << 20
_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class WebFile:
    path: Path
    sha256: str


@dataclass(frozen=True)
class _Facts:
    url: str
    mark: str = ""  # the ETag of the part that is on its way
    bytes: int = 0
    sha256: str = ""  # of the whole file; empty until it was whole once


class _NotOfIt(Exception):
    """The part that is here goes further than the file."""


def remembered(url: str) -> WebFile | None:
    """What is here of it, if it is whole."""
    path, facts = _path_of(url), _facts_of(url)
    is_whole = bool(facts.sha256) and path.is_file() and path.stat().st_size == facts.bytes
    return WebFile(path, facts.sha256) if is_whole else None


def fetched(url: str, *, sha256: str = "", progress: Progress | None = None) -> WebFile:
    """The file, whole. HubError where it does not arrive, or is another than `sha256` or than what was fetched earlier."""
    found = remembered(url)
    if found and sha256 in ("", found.sha256):
        return found
    path = _path_of(url)
    part = path.with_name(f"{path.name}.part")
    paths.private_dir(path.parent)
    try:
        with _locked(path.parent, url):
            _receive_patiently(url, part, progress)
            with part.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            _require_same(url, part, digest, sha256 or _facts_of(url).sha256)
            _remember(_Facts(url, bytes=part.stat().st_size, sha256=digest))
            part.replace(path)
    except OSError as error:
        raise _disk_fault(path, error) from error
    return WebFile(path, digest)


@contextlib.contextmanager
def _locked(folder: Path, url: str) -> Iterator[None]:
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HubError(
                say(
                    f"다른 kullm이 {url} 파일을 받고 있어요. 끝난 뒤에 다시 해 보세요.",
                    f"Another kullm is fetching {url}. Try again when it is done.",
                )
            ) from error
        yield


def _path_of(url: str) -> Path:
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    name = _NAME.sub("-", Path(unquote(urlsplit(url).path)).name)[-120:].lstrip(".-") or "file"
    return paths.cache_dir() / "sources" / key / name


def _facts_of(url: str) -> _Facts:
    kept = foreign_json.fields(_path_of(url).with_name("facts.json"))
    try:
        return _Facts(url, str(kept["mark"]), int(kept["bytes"]), str(kept["sha256"])) if kept else _Facts(url)
    except (KeyError, TypeError, ValueError):
        return _Facts(url)


def _remember(facts: _Facts) -> None:
    publish(_path_of(facts.url).with_name("facts.json"), json.dumps(asdict(facts), ensure_ascii=False), mode=0o600)


def _receive_patiently(url: str, part: Path, progress: Progress | None) -> None:
    import httpx2

    failures = 0
    part.touch()
    while True:
        had = part.stat().st_size
        try:
            return _receive(url, part, progress)
        except (httpx2.TransportError, _NotOfIt) as error:
            cause: Exception = error
        except (httpx2.TooManyRedirects, httpx2.InvalidURL, TooMuch) as error:
            raise _unreachable(url, error) from error
        except httpx2.HTTPStatusError as error:
            if error.response.status_code not in _BUSY:
                raise _refused(url, error.response.status_code) from error
            cause = error
        failures = 1 if part.stat().st_size > had else failures + 1
        if failures >= _TRIES:
            raise _unreachable(url, cause) from cause
        time.sleep(_WAIT_SECONDS)


def _receive(url: str, part: Path, progress: Progress | None) -> None:
    """Append to the part until the file is whole. It is begun anew where the server has another file by now."""
    facts = _facts_of(url)
    begin = part.stat().st_size if facts.mark else 0  # without a mark nobody knows what the part is of
    with _answer(url, facts.mark, begin) as response, part.open("ab", buffering=0) as sink:
        if response.status_code == _NO_SUCH_RANGE:  # what is here is longer than the file is now
            sink.truncate(0)
            raise _NotOfIt
        if response.status_code != 206 or not _begins_at(response, begin):
            begin = 0
        sink.truncate(begin)
        total = begin + int(response.headers.get("Content-Length") or 0)
        _require_space(part, total - begin)
        _remember(_Facts(url, _mark_of(response), facts.bytes, facts.sha256))
        for chunk in response.iter_raw():
            sink.write(chunk)
            begin += len(chunk)
            if progress:
                progress(begin, max(total, begin))


@contextlib.contextmanager
def _answer(url: str, mark: str, begin: int) -> Iterator[Any]:
    import httpx2

    headers = {"Accept-Encoding": "identity", "User-Agent": "kullm"}
    if begin:
        headers |= {"Range": f"bytes={begin}-", "If-Range": mark}
    with (
        httpx2.Client(timeout=_QUIET_SECONDS, follow_redirects=True) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code != _NO_SUCH_RANGE:
            response.raise_for_status()
        refuse_packed(response.headers)
        yield response


def _begins_at(response: Any, begin: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {begin}-")


def _mark_of(response: Any) -> str:
    """Only a strong mark promises the same bytes."""
    mark = str(response.headers.get("ETag", ""))
    return "" if mark.startswith("W/") else mark


def _require_space(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing and free < missing + _FREE_MARGIN_BYTES:
        raise NoSpace(
            say(
                f"{part.parent}에 {size_text(missing)}가 필요한데 {size_text(free)} 남았어요. 공간을 비우거나 KULLM_HOME으로 다른 디스크를 쓰세요.",
                f"{part.parent} needs {size_text(missing)} and has {size_text(free)} free. "
                "Free some, or set KULLM_HOME to another disk.",
            )
        )


def _require_same(url: str, part: Path, digest: str, expected: str) -> None:
    if expected in ("", digest):
        return
    part.unlink()
    facts = _path_of(url).with_name("facts.json")
    raise HubError(
        say(
            f"{url}의 내용이 달라졌어요: sha256이 {expected[:16]}…이어야 하는데 {digest[:16]}…예요. "
            f"새 내용을 쓰려면 매니페스트의 sha256과 {facts} 파일을 지우고 다시 받으세요.",
            f"{url} sends something else: its sha256 should be {expected[:16]}… and is {digest[:16]}… "
            f"To take the new one, delete the sha256 in the manifest and the file {facts}, and fetch again.",
        )
    )


def _refused(url: str, status: int) -> HubError:
    return HubError(
        say(
            f"{url}에서 받지 못했어요(HTTP {status}). 주소를 확인하거나, 파일을 받아 `--file`로 알려 주세요.",
            f"{url} was not handed out (HTTP {status}). Check the address, or fetch the file and name it with `--file`.",
        )
    )


def _unreachable(url: str, error: Exception) -> HubError:
    import httpx2

    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | _NotOfIt):
        why = say("연결이 자꾸 끊겨요", "the connection keeps breaking")
    else:
        why = str(error) if isinstance(error, TooMuch) else connection_cause(error)
    return HubError(
        say(
            f"{url}에서 받지 못했어요({why}). 네트워크와 프록시를 확인하고 다시 해 보세요. 받은 데까지는 남아 있어요.",
            f"{url} did not arrive ({why}). Check the network and proxy and try again; what has arrived is kept.",
        )
    )


def _disk_fault(path: Path, error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                f"받는 도중에 디스크가 가득 찼어요: {path.parent}. 공간을 비우고 다시 하면 이어서 받아요.",
                f"The disk filled up: {path.parent}. Free some space; the next try goes on from there.",
            )
        )
    return KullmError(
        say(
            f"{path.parent}에 쓰지 못했어요({cause_of(error)}). 폴더의 권한을 확인하세요.",
            f"{path.parent} could not be written ({error}). Check the folder's permissions.",
        )
    )
