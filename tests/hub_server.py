"""A hub on this machine: the part of the protocol that a download uses, with its headers, redirects, hashes and faults."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from tests.loopback import served

LARGE_BYTES = 4096  # files from this size on are kept as LFS objects, with a sha256 and a redirect to another address
TOKEN = "hf_a_token_of_this_server"


@dataclass
class Repository:
    files: Mapping[str, bytes]
    announced_bytes: Mapping[str, int] = field(default_factory=dict)  # where the listing lies about a length
    revision: str = "main"
    gate: Literal["", "needs-token", "not-accepted"] = ""

    siblings: list[dict[str, Any]] = field(init=False)
    objects: dict[str, bytes] = field(init=False)  # the large files by their sha256
    commit: str = field(init=False)

    def __post_init__(self) -> None:
        self.siblings = [
            _sibling(path, content, self.announced_bytes.get(path, len(content)))
            for path, content in self.files.items()
        ]
        self.objects = {one["lfs"]["sha256"]: self.files[one["rfilename"]] for one in self.siblings if "lfs" in one}
        self.commit = hashlib.sha1(json.dumps(self.siblings).encode()).hexdigest()


@dataclass
class Faults:
    cut_after_bytes: int | None = None  # a large file's body ends here
    cuts: int = 0  # how many bodies are cut
    failures: int = 0  # how many requests get a 500
    stall_seconds: float = 0.0  # before every answer
    wrong_bytes: bool = False  # large files arrive with another content of their length
    ignores_ranges: bool = False
    senseless: bool = False  # the listing is JSON of another kind
    listing: tuple[int, bytes, Mapping[str, str]] | None = None  # status, body and headers in the listing's place


@dataclass
class Hub:
    url: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, range
    bytes_sent: Counter[str] = field(default_factory=Counter)


def hub_server() -> AbstractContextManager[Hub]:
    return served(_Handler, Hub)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub: Hub = self.server.known  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path).strip("/")
        hub.requests.append((self.command, path, self.headers.get("Range", "")))
        time.sleep(hub.faults.stall_seconds)
        with suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed or lost patience
            if hub.faults.failures > 0:
                hub.faults.failures -= 1
                self._refuse(500)
            else:
                self._answer(hub, path.split("/"))

    def _answer(self, hub: Hub, parts: list[str]) -> None:
        if parts == ["api", "whoami-v2"]:
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            return self._send(200, b'{"name": "me"}', {}) if known else self._refuse(401)
        if parts[0] == "api" and parts[1:2] in (["models"], ["datasets"]):
            name = parts[2:4] if parts[1] == "models" else parts[1:4]
            return self._describe(hub, "/".join(name), "/".join(parts[5:]) or "main")
        if parts[0] == "objects":
            return self._send_object(hub, parts[1])
        length = 3 if parts[0] == "datasets" else 2  # of a name: datasets/OWNER/NAME, and OWNER/NAME of a model
        if len(parts) >= length + 3 and parts[length] == "resolve":
            return self._resolve(hub, "/".join(parts[:length]), parts[length + 1], "/".join(parts[length + 2 :]))
        return self._refuse(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _describe(self, hub: Hub, name: str, revision: str) -> None:
        if hub.faults.listing:
            return self._send(*hub.faults.listing)
        repository = hub.repositories.get(name)
        if repository is None:
            # As the hub does: whether a repository exists is nobody's business without a token.
            return self._refuse(401, "RepoNotFound", "Invalid username or password.")
        if revision not in (repository.revision, repository.commit):
            return self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        answer: Any = {"id": name, "modelId": name, "sha": repository.commit, "siblings": repository.siblings}
        body = json.dumps(["surprise"] if hub.faults.senseless else answer).encode()
        return self._send(200, body, {"Content-Type": "application/json"})

    def _resolve(self, hub: Hub, name: str, commit: str, path: str) -> None:
        repository = hub.repositories.get(name)
        if repository is None:
            return self._refuse(401, "RepoNotFound", "Repository not found")
        has_token = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository.gate and not (has_token and repository.gate == "needs-token"):
            return self._refuse(403 if has_token else 401, "GatedRepo", "Access to this model is restricted.")
        if commit not in (repository.commit, repository.revision) or path not in repository.files:
            return self._refuse(404, "EntryNotFound", "Entry not found")
        content = repository.files[path]
        headers = {"X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        if len(content) < LARGE_BYTES:
            return self._send(200, content, {**headers, "ETag": f'"{_git_hash(content)}"'})
        digest = next(digest for digest, one in repository.objects.items() if one == content)
        # The large files lie with another host, which must not see the token.
        other_host = hub.url.replace("127.0.0.1", "localhost")
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return self._send(302, b"", {**headers, "Location": f"{other_host}/objects/{digest}"})

    def _send_object(self, hub: Hub, digest: str) -> None:
        if self.headers.get("Authorization"):
            return self._refuse(400)
        content = next(one.objects[digest] for one in hub.repositories.values() if digest in one.objects)
        if hub.faults.wrong_bytes:
            content = bytes(len(content))
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        is_another = self.headers.get("If-Range", headers["ETag"]) != headers["ETag"]
        if begin >= len(content) and not is_another:
            return self._refuse(416)
        if not begin or hub.faults.ignores_ranges or is_another:
            return self._send(200, content, headers, digest)
        headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        return self._send(206, content[begin:], headers, digest)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], digest: str = "") -> None:
        hub: Hub = self.server.known  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if digest and hub.faults.cuts > 0 and hub.faults.cut_after_bytes is not None:
            hub.faults.cuts -= 1
            body = body[: hub.faults.cut_after_bytes]
            self.close_connection = True
        hub.bytes_sent[digest] += len(body)
        self.wfile.write(body)

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(status, b"", headers)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _sibling(path: str, content: bytes, size: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"rfilename": path, "size": size, "blobId": _git_hash(content)}
    if len(content) >= LARGE_BYTES:
        facts["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
    return facts


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
