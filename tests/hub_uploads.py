"""A hub on this machine that takes uploads: repositories made, files sorted into small and large, LFS objects, one commit."""

import base64
import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.loopback import served

LARGE_SUFFIXES = (".parquet", ".jsonl", ".safetensors")
_UNDER = {"datasets": "datasets/", "models": ""}
TOKEN = "hf_a_token_that_may_write"


@dataclass
class Uploads:
    url: str
    private: dict[str, bool] = field(default_factory=dict)  # by repository
    kinds: dict[str, str] = field(default_factory=dict)  # datasets or models, of what was committed
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuses: int = 0  # a status for every request


def upload_server() -> AbstractContextManager[Uploads]:
    return served(_Handler, Uploads)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Uploads:
        return self.server.known  # type: ignore[attr-defined, no-any-return]

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.hub.requests.append(f"POST {path}")
        if self.hub.refuses or self.headers.get("authorization") != f"Bearer {TOKEN}":
            self._answer(self.hub.refuses or 401, {"error": "no"})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":  # of a card
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            self._answer(200, {"files": [_sorted(one) for one in json.loads(body)["files"]]})
        elif path.endswith("/info/lfs/objects/batch"):
            self._answer(200, {"objects": [self._place(one) for one in json.loads(body)["objects"]]})
        elif "/commit/" in path:
            kind, _, name = path.removeprefix("/api/").partition("/commit/")[0].partition("/")
            self._commit(kind, name, body)
        else:
            self._answer(404, {"error": path})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.hub.requests.append(f"PUT {self.path}")
        self.hub.objects[hashlib.sha256(content).hexdigest()] = content
        self._answer(200, {})

    def _create(self, wanted: dict[str, Any]) -> None:
        name = "/".join(filter(None, (wanted.get("organization"), wanted["name"])))
        if name in self.hub.private:
            self._answer(409, {"error": "there is one of this name", "url": f"{self.hub.url}/datasets/{name}"})
            return
        self.hub.private[name] = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.files[name] = {}
        self._answer(200, {"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def _place(self, one: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.hub.url}/store/{one['oid']}"
        return {"oid": one["oid"], "size": one["size"], "actions": {"upload": {"href": href, "header": {}}}}

    def _commit(self, kind: str, name: str, body: bytes) -> None:
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                self.hub.files[name][value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                self.hub.files[name][value["path"]] = self.hub.objects[value["oid"]]
        commit = hashlib.sha1(body).hexdigest()
        self.hub.kinds[name] = kind
        address = f"{self.hub.url}/{_UNDER[kind]}{name}/commit/{commit}"
        self._answer(200, {"success": True, "commitOid": commit, "commitUrl": address, "hookOutput": ""})

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        content = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _sorted(one: dict[str, Any]) -> dict[str, Any]:
    mode = "lfs" if one["path"].endswith(LARGE_SUFFIXES) else "regular"
    return {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}
