"""A machine behind a real sshd: calls, questions, refusals, and files both ways through a network with faults."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kullm_tui.core.errors import KullmError
from tests.relay import relay
from tests.sshd import ALIAS, Sshd, make_key
from trainer.jobs.client import Client
from trainer.jobs.transports.askpass import Question
from trainer.jobs.transports.connection import Connection
from trainer.jobs.transports.ssh import SshTransport
from trainer.jobs.transports.ssh_command import for_any_shell
from trainer.jobs.transports.ssh_faults import AccessRefused, HostKeyRefused, MachineUnreachable

_MIB = 1 << 20
# The oldest that the agent promises to run on, where there is one, and this one.
PYTHONS = [*map(str, Path.home().glob(".pyenv/versions/3.8*/bin/python")), sys.executable]


def _transport(**more: object) -> SshTransport:
    return SshTransport(Connection("box", ALIAS, **more))  # type: ignore[arg-type]


def _files(folder: Path, *sizes: int) -> dict[str, Path]:
    folder.mkdir()
    found = {}
    for number, size in enumerate(sizes):
        path = folder / f"file {number}"
        path.write_bytes(os.urandom(size))
        found[hashlib.sha256(path.read_bytes()).hexdigest()] = path
    return found


def _accepted(transport: SshTransport, files: dict[str, Path]) -> Path:
    listed = [
        {"path": path.name, "sha256": digest, "size": path.stat().st_size} for digest, path in sorted(files.items())
    ]
    digest = hashlib.sha256(repr(listed).encode()).hexdigest()
    return Path(transport.call("accept", {"files": listed, "digest": digest})["path"])


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "tcsh", "fish"])
def test_whatever_the_login_shell_is_words_arrive_unharmed(shell: str, tmp_path: Path) -> None:
    words = ["a b", "한글 폴더", "it's", '"$HOME" `x` \\n %s', "!!", "*?[a]{b}~", "", "two\nlines", "-n"]
    command = for_any_shell('cd "$1" && shift && for word; do printf "<%s>" "$word"; done', str(tmp_path), *words)
    done = subprocess.run([shell, "-c", command], capture_output=True, check=True, env={**os.environ, "HOME": "/tmp"})
    assert done.stdout.decode() == "".join(f"<{word}>" for word in words)


def test_the_agent_is_put_there_once_and_answers_from_the_other_home(box: Sshd) -> None:
    transport = _transport()
    hello = transport.call("hello", {})
    assert hello["home"] == str(box.home)
    [agent] = (box.home / ".kullm" / "agent").iterdir()
    before = agent.stat()
    assert transport.call("hello", {})["root"] == str(box.home / ".kullm")
    assert agent.stat().st_ino == before.st_ino
    assert agent.stat().st_mode & 0o077 == 0


@pytest.mark.fault("an old python, and nothing but its standard library")
@pytest.mark.parametrize("python", PYTHONS)
def test_the_agent_looks_around_and_takes_files_with_the_python_that_is_there(
    box: Sshd, tmp_path: Path, python: str
) -> None:
    box.without("rsync")
    transport = _transport(python=python)
    told = transport.call("preflight", {"pythons": [python], "repositories": ["nobody/nothing"]})
    assert told["cached"] == []
    assert [python, *told["python"][:2]] == [told["pythons"][0]["path"], *told["pythons"][0]["version"][:2]]
    installed = transport.call("installed", {"pythons": [python, sys.executable]})["pythons"]
    assert installed[python]["version"][:2] == told["python"][:2]
    assert "torch" in installed[sys.executable]["distributions"]
    files = _files(tmp_path / "files", _MIB)
    transport.upload(files)
    tree = _accepted(transport, files)
    (tmp_path / "back").mkdir()
    transport.download(str(tree), ["file 0"], tmp_path / "back")
    assert (tmp_path / "back" / "file 0").read_bytes() == next(iter(files.values())).read_bytes()


def test_an_agent_that_did_not_arrive_whole_is_not_there(box: Sshd) -> None:
    transport = _transport()
    transport.call("hello", {})
    [agent] = (box.home / ".kullm" / "agent").iterdir()
    content = agent.read_bytes()
    agent.unlink()
    (agent.parent / f".{agent.name}.1").write_bytes(content[:100])  # of one who was cut off
    assert transport.call("hello", {})["cards"] == []
    assert agent.read_bytes() == content


def test_a_shell_that_greets_is_no_hindrance(box: Sshd) -> None:
    (box.home / ".bashrc").write_text("echo 어서 오세요; echo '@kullm'\n")
    assert _transport().call("hello", {})["home"] == str(box.home)


@pytest.mark.fault("remote without rsync, GPU or a new python; path with spaces or Hangul")
@pytest.mark.usefixtures("box")
def test_a_folder_with_spaces_and_hangul_is_a_folder(tmp_path: Path) -> None:
    place = tmp_path / "내 작업 폴더 it's"
    transport = _transport(folder=str(place))
    assert transport.call("hello", {})["root"] == str(place)
    files = _files(tmp_path / "files", 100_000)
    transport.upload(files)
    assert (_accepted(transport, files) / "file 0").read_bytes() == next(iter(files.values())).read_bytes()


def test_a_host_that_is_not_there_is_told_with_what_to_check(box: Sshd) -> None:
    with pytest.raises(MachineUnreachable, match="config"):
        SshTransport(Connection("box", "no-such-host.invalid")).call("hello", {})
    box.configure(port=1)
    with pytest.raises(MachineUnreachable, match="Connection refused"):
        _transport().call("hello", {})


@pytest.mark.fault("changed host key, unknown key, encrypted key")
def test_a_changed_host_key_is_refused_and_nothing_is_asked(box: Sshd, tmp_path: Path) -> None:
    box.know(key=make_key(tmp_path / "other").with_suffix(".pub").read_text().strip())
    asked: list[Question] = []
    with pytest.raises(HostKeyRefused, match="ssh-keygen -R"):
        _transport(asking=lambda question: asked.append(question)).call("hello", {})
    assert asked == []
    assert not (box.home / ".kullm").exists()


@pytest.mark.fault("changed host key, unknown key, encrypted key")
def test_an_unknown_host_key_is_a_question_and_the_answer_decides(box: Sshd) -> None:
    box.known_hosts.write_text("")
    asked: list[Question] = []

    def answering(answer: str | None) -> Callable[[Question], str | None]:
        def ask(question: Question) -> str | None:
            asked.append(question)
            return answer

        return ask

    with pytest.raises(HostKeyRefused, match="ssh box"):
        _transport().call("hello", {})
    with pytest.raises(HostKeyRefused):
        _transport(asking=answering("no")).call("hello", {})
    assert box.known_hosts.read_text() == ""
    assert _transport(asking=answering("yes")).call("hello", {})["home"] == str(box.home)
    assert [question.kind for question in asked] == ["host key", "host key"]
    assert "ED25519" in asked[0].text
    assert box.known_hosts.read_text()


@pytest.mark.fault("changed host key, unknown key, encrypted key")
def test_an_encrypted_key_asks_for_its_passphrase_once(box: Sshd, tmp_path: Path) -> None:
    key = make_key(tmp_path / "locked", passphrase="비밀 문구")
    with (box.folder / "authorized_keys").open("a") as file:
        file.write(key.with_suffix(".pub").read_text())
    box.configure(key=key)
    asked: list[Question] = []

    def ask(question: Question) -> str:
        asked.append(question)
        return "비밀 문구"

    with pytest.raises(AccessRefused, match="ssh-add"):
        _transport().call("hello", {})
    transport = _transport(asking=ask)
    transport.call("hello", {})
    transport.call("hello", {})
    assert [question.kind for question in asked] == ["secret"]


def test_a_key_that_nobody_knows_is_refused(box: Sshd, tmp_path: Path) -> None:
    box.configure(key=make_key(tmp_path / "stranger"))
    with pytest.raises(AccessRefused, match="ssh-copy-id"):
        _transport().call("hello", {})


@pytest.mark.fault("remote without rsync, GPU or a new python; path with spaces or Hangul")
@pytest.mark.usefixtures("box")
def test_no_python_and_an_old_python_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(KullmError, match="machines.box.python"):
        _transport(python="python-of-nobody").call("hello", {})
    old = tmp_path / "python3.6"
    old.write_text(
        "#!/bin/sh\n[ \"$1\" = -c ] && { echo; echo 'kullm-version 3.6.8'; exit; }\necho 'SyntaxError: invalid syntax' >&2; exit 1\n"
    )
    old.chmod(0o755)
    with pytest.raises(KullmError, match=r"3\.6\.8"):
        _transport(python=str(old)).call("hello", {})


@pytest.mark.parametrize("way", ["rsync", "piped"])
def test_files_go_there_and_back_and_what_is_there_is_not_sent_again(box: Sshd, tmp_path: Path, way: str) -> None:
    if way == "piped":
        box.without("rsync")
    transport = _transport()
    files = _files(tmp_path / "files", 0, 1, 300_000, 3 * _MIB)
    told: list[int] = []
    transport.upload(files, told.append)
    assert told[-1] >= 3 * _MIB
    tree = _accepted(transport, files)
    told.clear()
    transport.upload(files, told.append)
    assert told == []
    target = tmp_path / "back"
    target.mkdir()
    names = [path.name for path in files.values()]
    (target / names[-1]).write_bytes(files[list(files)[-1]].read_bytes()[:_MIB])  # of a fetch that was cut off
    transport.download(str(tree), names, target)
    assert {hashlib.sha256((target / name).read_bytes()).hexdigest() for name in names} == set(files)


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
@pytest.mark.parametrize("way", ["rsync", "piped"])
@pytest.mark.parametrize("fault", ["reset", "black hole"])
def test_an_upload_that_is_cut_in_the_middle_goes_on_behind_what_has_come(
    box: Sshd, tmp_path: Path, way: str, fault: str
) -> None:
    if way == "piped":
        box.without("rsync")
    files = _files(tmp_path / "files", 24 * _MIB)
    [(digest, path)] = files.items()
    with relay(box.port) as network:
        box.configure(network.port)
        box.know(port=network.port)
        transport = _transport()
        transport.call("hello", {})
        network.strike(fault, after=8 * _MIB)  # type: ignore[arg-type]
        with pytest.raises(MachineUnreachable):
            transport.upload(files)
        network.heal()
        come = transport.call("missing", {"files": [{"sha256": digest}]})["missing"][digest]
        assert 0 < come < 24 * _MIB
        before = network.passed
        transport.upload(files)
        assert network.passed - before < 24 * _MIB - come + _MIB
        assert (_accepted(transport, files) / path.name).read_bytes() == path.read_bytes()


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
@pytest.mark.parametrize("way", ["rsync", "piped"])
@pytest.mark.parametrize("fault", ["reset", "black hole"])
def test_a_fetch_that_is_cut_in_the_middle_goes_on_behind_what_has_come(
    box: Sshd, tmp_path: Path, way: str, fault: str
) -> None:
    if way == "piped":
        box.without("rsync")
    there, here = box.home / "결과 폴더", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    (there / "weights").write_bytes(os.urandom(24 * _MIB))
    with relay(box.port) as network:
        box.configure(network.port)
        box.know(port=network.port)
        transport = _transport()
        transport.call("hello", {})
        network.strike(fault, after=8 * _MIB)  # type: ignore[arg-type]
        with pytest.raises(MachineUnreachable):
            transport.download(str(there), ["weights"], here)
        network.heal()
        come = (here / "weights").stat().st_size
        assert 0 < come < 24 * _MIB
        before = network.passed
        transport.download(str(there), ["weights"], here)
        assert network.passed - before < 24 * _MIB - come + _MIB
    assert (here / "weights").read_bytes() == (there / "weights").read_bytes()


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
def test_damaged_bytes_are_thrown_away_and_sent_again(box: Sshd, tmp_path: Path) -> None:
    transport = _transport()
    files = _files(tmp_path / "files", _MIB)
    [digest] = files
    transport.call("hello", {})
    incoming = box.home / ".kullm" / "incoming"
    incoming.mkdir()
    (incoming / digest).write_bytes(b"x" * _MIB)
    transport.upload(files)
    with pytest.raises(KullmError):
        Client("box", transport).accept("0" * 64, [{"path": "a", "sha256": digest, "size": _MIB}])
    transport.upload(files)
    assert _accepted(transport, files).is_dir()


@pytest.mark.fault("disk full at log, checkpoint, state")
@pytest.mark.root
@pytest.mark.parametrize("way", ["rsync", "piped"])
def test_a_full_disk_at_the_upload_is_said_and_what_has_come_is_kept(box: Sshd, tmp_path: Path, way: str) -> None:
    if way == "piped":
        box.without("rsync")
    small = tmp_path / "small disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
    try:
        transport = _transport(folder=str(small))
        files = _files(tmp_path / "files", 12 * _MIB)
        with pytest.raises(KullmError, match="가득|full"):
            transport.upload(files)
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        [digest] = files
        assert transport.call("missing", {"files": [{"sha256": digest}]})["missing"][digest] > 0
        transport.upload(files)
        assert _accepted(transport, files).is_dir()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.fault("remote without rsync, GPU or a new python; path with spaces or Hangul")
def test_without_rsync_here_files_go_by_the_agent(box: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.jobs.transports import rsync

    rsync.is_here.cache_clear()
    client = box.folder / "client"
    for program in ("sh", "cat"):
        (client / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setenv("PATH", str(client))
    try:
        files = _files(tmp_path / "files", 1000)
        _transport().upload(files)
        assert _accepted(_transport(), files).is_dir()
    finally:
        rsync.is_here.cache_clear()
