"""Somebody is told by the machine itself: by a real server in each one's form, or by a command; where that fails the job does not."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.notify import Notifier

pytestmark = pytest.mark.fault("notify: server, command, server down, address secret")
_SECRET = "T0P/S3CR3T"


@dataclass
class Server:
    """As a proxy it takes what is meant for others' hosts too."""

    port: int = 0
    failing: int = 0  # so many requests are answered by an error
    posts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.posts.append({"to": self.path, "body": body.decode(), "headers": dict(self.headers)})
            told.failing -= 1
            self.send_response(503 if told.failing >= 0 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = httpd.server_address[1]
    monkeypatch.setenv("http_proxy", told.address)
    monkeypatch.setenv("no_proxy", "")
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield told
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def ended(here: Here, url: str, text: str = "row(1)", **launch: Any) -> Job:
    job = here.job(name="밤새", language=launch.pop("language", "ko"))
    job.start({"notify_url": url} if url else None, path=here.program(text), **launch)
    job.ends()
    wait_until(lambda: not Path(f"/proc/{job.supervisor()}/exe").exists())  # it waits for its posts
    return job


FORMS = {
    f"http://hooks.slack.com/services/{_SECRET}": {"text": "kullm 밤새: 학습이 끝났어요"},
    f"http://discord.com/api/webhooks/{_SECRET}": {"content": "kullm 밤새: 학습이 끝났어요"},
    f"http://ntfy.sh/{_SECRET}": None,
    f"http://example.org/{_SECRET}": {"text": "kullm 밤새: 학습이 끝났어요", "name": "밤새", "event": states.SUCCEEDED},
}


@pytest.mark.parametrize("url", FORMS)
def test_each_server_is_told_in_its_own_form_and_its_address_is_in_no_file(
    here: Here, server: Server, url: str
) -> None:
    job = ended(here, url)
    assert job.state["state"] == states.SUCCEEDED
    (post,) = server.posts
    assert post["to"] == url
    wanted = FORMS[url]
    if wanted is None:
        assert (post["body"], post["headers"]["Title"]) == ("kullm 밤새: 학습이 끝났어요", "kullm")
    else:
        body = json.loads(post["body"])
        assert {name: body[name] for name in wanted} == wanted
        assert body.get("job", job.id) == job.id
    files = [path for path in here.root.rglob("*") if path.is_file()]
    assert not [path for path in files if _SECRET.encode() in path.read_bytes()]


def test_a_failure_says_why_in_the_language_of_the_one_who_asked(here: Here, server: Server) -> None:
    ended(here, f"{server.address}/hook", "sys.exit('the data is gone')", language="en")
    assert json.loads(server.posts[0]["body"])["text"] == "kullm 밤새: the training failed (the data is gone)"


def test_a_server_that_answers_at_the_third_try_is_told_once(here: Here, server: Server) -> None:
    server.failing = 2
    job = ended(here, f"{server.address}/hook")
    assert len(server.posts) == 3
    assert job.events("not notified") == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/{}", "nonsense {}", "http://[::1/{}", "http://exa mple/{}\n"])
def test_a_server_that_is_not_there_fails_nothing_and_is_noted_without_its_address(
    here: Here, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    job = ended(here, url.format(_SECRET))
    assert job.state["state"] == states.SUCCEEDED
    (noted,) = job.events("not notified")
    assert noted["of"] == states.SUCCEEDED
    assert noted["reason"]
    files = [path for path in here.root.rglob("*") if path.is_file()]
    assert not [path for path in files if b"S3CR3T" in path.read_bytes()]


def test_a_command_is_run_with_what_there_is_to_say_and_without_the_address(here: Here, server: Server) -> None:
    out = here.root / "told"
    command = f'printf "%s|%s|%s" "$KULLM_EVENT" "$KULLM_TEXT" "$KULLM_JOB" > {out}; env > {out}.env'
    job = ended(here, f"{server.address}/{_SECRET}", notify=command)
    assert out.read_text() == f"SUCCEEDED|kullm 밤새: 학습이 끝났어요|{job.id}"
    assert _SECRET not in Path(f"{out}.env").read_text()
    assert len(server.posts) == 1


def test_a_command_that_fails_is_noted(here: Here) -> None:
    job = ended(here, "", notify="exit 7")
    assert [row["reason"] for row in job.events("not notified")] == ["CalledProcessError"]
    assert job.state["state"] == states.SUCCEEDED


def test_a_loss_that_is_no_number_and_a_stall_are_told_while_the_job_runs(here: Here, server: Server) -> None:
    text = """
row(1)
with (job / "events.jsonl").open("a") as file:
    file.write(json.dumps({"event": "step skipped", "step": 2}) + "\\n")
while not (job / "go").exists(): time.sleep(0.02)
"""
    job = here.job(language="en")
    job.start({"notify_url": f"{server.address}/hook"}, path=here.program(text), stall=1.0)
    wait_until(lambda: len(server.posts) >= 2, job.told)
    told = {json.loads(post["body"])["event"] for post in server.posts}
    assert told == {"diverging", "stalled"}
    assert job.state["state"] == states.RUNNING
    (job.directory.path / "go").touch()
    job.ends()
    wait_until(lambda: len(server.posts) == 3)  # each once
    assert {row["event"] for row in job.events()} >= {"diverging", "stalled"}


def test_who_cancels_a_job_is_not_told_of_it(here: Here, server: Server) -> None:
    job = here.job()
    job.start({"notify_url": f"{server.address}/hook"}, path=here.program("row(1)\ntime.sleep(3600)"))
    job.reaches(1)
    job.machine.cancel(job.id)
    assert job.ends()["state"] == states.CANCELLED
    wait_until(lambda: not Path(f"/proc/{job.supervisor()}/exe").exists())
    assert server.posts == []


def test_with_neither_nobody_is_told(tmp_path: Path) -> None:
    notifier = Notifier(JobDirectory(tmp_path), "", "")
    notifier.tell("stalled", {})
    notifier.ended({"state": states.FAILED})
    assert list(tmp_path.iterdir()) == []
