"""Hugging Face Jobs on this machine: the part of the protocol that renting a machine uses, with its faults. What it bills, it only counts.

A job answers by ssh where the test's own sshd stands for the hub's gateway; the login is whoever runs the test, not the job's id.
"""

import getpass
import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.loopback import served

TOKEN = "hf_a_token_that_may_run_jobs"
GATEWAY = "ssh.hf.jobs"
HARDWARE = [
    {
        "name": "cpu-basic",
        "prettyName": "CPU Basic",
        "cpu": "2 vCPU",
        "ram": "16 GB",
        "accelerator": None,
        "unitCostMicroUSD": 167,
        "unitCostUSD": 0.000167,
        "unitLabel": "minute",
    },
    {
        "name": "a100x4",
        "prettyName": "4x Nvidia A100 - large",
        "cpu": "48 vCPU",
        "ram": "568 GB",
        "accelerator": {
            "type": "gpu", "model": "A100", "quantity": "4", "vram": "320 GB", "manufacturer": "Nvidia",
        },
        "unitCostMicroUSD": 166667,
        "unitCostUSD": 0.166667,
        "unitLabel": "minute",
    },
]  # fmt: skip


@dataclass
class Job:
    id: str
    spec: Mapping[str, Any]
    began: float = field(default_factory=time.time)
    stage: str = "RUNNING"
    message: str | None = None

    def facts(self) -> dict[str, Any]:
        url = f"ssh://{getpass.getuser()}@{GATEWAY}" if self.spec.get("ssh") else None
        return {
            "id": self.id,
            "createdAt": "2026-11-28T16:06:25.079Z",
            "startedAt": "2026-11-28T16:06:31.079Z",
            "dockerImage": self.spec.get("dockerImage"),
            "command": self.spec["command"],
            "flavor": self.spec["flavor"],
            "labels": self.spec.get("labels"),
            "status": {"stage": self.stage, "message": self.message, "sshUrl": url},
            "durations": {"schedulingSecs": 6, "runningSecs": int(time.time() - self.began), "totalSecs": 8},
            "owner": {"id": "1", "name": "me", "type": "user"},
        }


@dataclass
class Faults:
    begin: tuple[int, str] | None = None  # status and words instead of a new job
    loses_answers: int = 0  # so many jobs begin, and nobody is told
    state: tuple[int, str] | None = None  # instead of a job's state
    first_stage: str = "RUNNING"
    introductions: int = 1000  # how often it says whose a token is, before that is too often


@dataclass
class Jobs:
    url: str
    jobs: dict[str, Job] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    @property
    def running(self) -> list[Job]:
        """What costs."""
        return [job for job in self.jobs.values() if job.stage == "RUNNING"]


def jobs_server() -> AbstractContextManager[Jobs]:
    return served(_Handler, Jobs)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _jobs(self) -> Jobs:
        return self.server.known  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts == ["api", "jobs", "hardware"]:
            return self._send(200, HARDWARE)
        if not self._is_known():
            return self._send(401, {"error": "Invalid credentials in Authorization header"})
        if parts == ["api", "whoami-v2"]:
            self._jobs.faults.introductions -= 1
            known = self._jobs.faults.introductions >= 0
            return self._send(
                *((200, {"name": "me", "type": "user"}) if known else (429, {"error": "Too many requests"}))
            )
        if parts[:2] == ["api", "jobs"] and len(parts) == 3:
            return self._send(200, [job.facts() for job in self._jobs.jobs.values() if self._is_labelled(job)])
        if parts[:2] == ["api", "jobs"] and len(parts) == 4:
            return self._state(parts[3])
        return self._send(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path).path.strip("/").split("/")
        if not self._is_known():
            return self._send(401, {"error": "Invalid credentials in Authorization header"})
        if len(parts) == 3:
            return self._begin(json.loads(body))
        job = self._jobs.jobs.get(parts[3])
        if job is None:
            return self._send(404, {"error": "Job not found"})
        job.stage = "CANCELED"
        return self._send(200, job.facts())

    def _begin(self, spec: Mapping[str, Any]) -> None:
        faults = self._jobs.faults
        if faults.begin:
            status, words = faults.begin
            return self._send(status, {"error": words})
        job = Job(f"68780d00bbe36d38803f{len(self._jobs.jobs):04d}", spec, stage=faults.first_stage)
        self._jobs.jobs[job.id] = job
        if faults.loses_answers > 0:
            faults.loses_answers -= 1
            self.close_connection = True
            return None
        return self._send(200, job.facts())

    def _state(self, name: str) -> None:
        if self._jobs.faults.state:
            status, words = self._jobs.faults.state
            return self._send(status, {"error": words})
        job = self._jobs.jobs.get(name)
        return self._send(200, job.facts()) if job else self._send(404, {"error": "Job not found"})

    def _is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _is_labelled(self, job: Job) -> bool:
        wanted = parse_qs(urlsplit(self.path).query).get("label", [])
        labels = {f"{name}={value}" for name, value in (job.spec.get("labels") or {}).items()}
        return set(wanted) <= labels

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
