"""Somebody is told, by the machine itself, since the laptop may be asleep: a webhook (Slack, Discord, ntfy, any other) or a command.

The address is a secret: it came in a file that is gone, is in no log, and a failure to reach it is noted without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import urllib.request
from http.client import HTTPException
from typing import Any, Mapping
from urllib.parse import urlsplit

from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, document

_SECONDS = 15.0
_TRIES = 3
_SENTENCES = {
    states.SUCCEEDED: ("학습이 끝났어요", "the training is done"),
    states.FAILED: ("학습이 끝나지 못했어요", "the training failed"),
    states.CANCELLED: ("학습을 멈췄어요", "the training was stopped"),
    states.CANCEL_INCOMPLETE: (
        "학습을 멈췄지만 남은 프로세스가 있어요",
        "the training was stopped, but something of it still runs",
    ),
    "stalled": ("한동안 단계가 나아가지 않았어요", "no step has been taken for a while"),
    "diverging": ("손실이 비정상이에요", "the loss is not sound"),
    "disk low": ("디스크가 거의 찼어요", "the disk is nearly full"),
}


class Notifier:
    def __init__(self, job: JobDirectory, url: str, command: str) -> None:
        self._job, self._url, self._command = job, url, command
        spec = document(job.spec)
        self._name = str(spec.get("name") or job.id)
        self._korean = spec.get("language") != "en"
        self._posts: list[threading.Thread] = []

    def ended(self, state: Mapping[str, Any]) -> None:
        """Waited for: nothing comes after it."""
        if state.get("state") != states.CANCELLED:  # whoever asked for that knows
            self.tell(str(state["state"]), state)
        for post in self._posts:
            post.join(_SECONDS * _TRIES)

    def tell(self, what: str, facts: Mapping[str, Any]) -> None:
        """In a thread: the trainer's supervisor waits for no server."""
        if self._url or self._command:
            post = threading.Thread(target=self._tell, args=(what, dict(facts)), daemon=True)
            post.start()
            self._posts.append(post)

    def _tell(self, what: str, facts: dict[str, Any]) -> None:
        sentence = _SENTENCES[what][0 if self._korean else 1]
        reason = facts.get("message") or facts.get("reason") or ""
        text = "kullm {}: {}{}".format(self._name, sentence, f" ({reason})" if reason else "")
        if self._command:
            self._run(what, text)
        if self._url:
            self._post(what, text)

    def _run(self, what: str, text: str) -> None:
        environment = {**os.environ, "KULLM_EVENT": what, "KULLM_TEXT": text, "KULLM_JOB": self._job.id}
        try:
            subprocess.run(
                ["/bin/sh", "-c", self._command], env=environment, stdin=subprocess.DEVNULL, timeout=60, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._failed(what, type(error).__name__)

    def _post(self, what: str, text: str) -> None:
        """Also where the address is none: Python's own words of that would have it in them."""
        facts, reason = {"job": self._job.id, "name": self._name, "event": what}, ""
        for _ in range(_TRIES):
            try:
                body, headers = form(self._url, text, facts)
                request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
                with urllib.request.urlopen(request, timeout=_SECONDS):
                    return
            except (OSError, HTTPException) as error:
                reason = str(getattr(error, "reason", "") or type(error).__name__)
            except ValueError as error:  # UnicodeError has a `reason` too
                reason = type(error).__name__
        self._failed(what, reason)

    def _failed(self, what: str, reason: str) -> None:
        with contextlib.suppress(OSError):  # a full disk may be what there was to tell
            append(self._job.events, {"event": "not notified", "of": what, "reason": reason})


def form(url: str, text: str, facts: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body as the server of that address wants it, and its headers."""
    host = (urlsplit(url).hostname or "").lower()
    agent = {"User-Agent": "kullm"}
    if host.endswith("slack.com"):
        return _json({"text": text}), {**agent, "Content-Type": "application/json"}
    if host.endswith(("discord.com", "discordapp.com")):
        return _json({"content": text}), {**agent, "Content-Type": "application/json"}
    if "ntfy" in host:
        return text.encode("utf-8"), {**agent, "Content-Type": "text/plain; charset=utf-8", "Title": "kullm"}
    return _json({"text": text, **facts}), {**agent, "Content-Type": "application/json"}


def _json(value: Mapping[str, str]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
