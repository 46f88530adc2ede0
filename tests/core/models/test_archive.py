import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kullm_tui.core.errors import AdapterError
from kullm_tui.core.models import archive as archive_module
from kullm_tui.core.models.archive import import_archive

ADAPTER = {"adapter_config.json": b'{"peft_type": "LORA"}', "adapter_model.safetensors": os.urandom(3000)}


def tar(path: Path, files: Mapping[str, bytes], *, mode: str = "w:gz", extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        if extra:
            packed.addfile(extra)
    return path


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def assert_refused(archive: Path, destination: Path) -> str:
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(AdapterError) as caught:
        import_archive(archive, destination)
    assert sorted(archive.parent.rglob("*")) == before, "something was left behind"
    return str(caught.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_of_an_adapter_is_unpacked(tmp_path: Path, mode: str) -> None:
    folder = import_archive(tar(tmp_path / "a.tar", ADAPTER, mode=mode), tmp_path / "new")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == ADAPTER


def test_zip_with_one_folder_inside_is_unpacked_without_it(tmp_path: Path) -> None:
    files = {f"내 어댑터/{name}": content for name, content in ADAPTER.items()}
    folder = import_archive(zipped(tmp_path / "a.zip", files), tmp_path / "new")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == ADAPTER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "new"]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", "e\nvil"])
@pytest.mark.parametrize("pack", [tar, zipped])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str, pack: object) -> None:
    archive = pack(tmp_path / "a.pack", {**ADAPTER, name: b"x"})  # type: ignore[operator]
    assert "vil" in assert_refused(archive, tmp_path / "new")


def test_a_name_hidden_behind_a_nul_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {**ADAPTER, "evilXname": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"evilXname", b"evil\0name"))
    assert "evil" in assert_refused(archive, tmp_path / "new")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("odd")
    member.type, member.linkname = kind, "/etc/passwd"
    assert "odd" in assert_refused(tar(tmp_path / "a.tar", ADAPTER, extra=member), tmp_path / "new")


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ADAPTER)
    with zipfile.ZipFile(archive, "a") as packed:
        member = zipfile.ZipInfo("odd")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(member, "/etc/passwd")
    assert "odd" in assert_refused(archive, tmp_path / "new")


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_bomb_is_refused(tmp_path: Path, pack: object) -> None:
    archive = pack(tmp_path / "a.pack", {**ADAPTER, "zeros": bytes(40 * 2**20)})  # type: ignore[operator]
    assert archive.stat().st_size < 100_000
    assert "bomb" in assert_refused(archive, tmp_path / "new")


def test_a_bomb_in_a_tar_header_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("odd")
    member.pax_headers = {"comment": "x" * (120 * 2**20)}
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as packed:
        packed.addfile(member)
    assert "bomb" in assert_refused(tmp_path / "a.tgz", tmp_path / "new")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_MOST_FILES", 10)
    files = {**ADAPTER, **{f"f{number}": b"" for number in range(10)}}
    assert "10" in assert_refused(tar(tmp_path / "a.tar", files), tmp_path / "new")


def test_names_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    assert "twice" in assert_refused(zipped(tmp_path / "a.zip", {**ADAPTER, "x": b"1", "X": b"2"}), tmp_path / "new")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_truncated_tar_is_refused(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "a.tar", ADAPTER, mode=mode)
    archive.write_bytes(archive.read_bytes()[:1500])
    assert_refused(archive, tmp_path / "new")


def test_a_zip_with_a_damaged_file_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ADAPTER)
    content = bytearray(archive.read_bytes())
    content[1000] ^= 255
    archive.write_bytes(content)
    assert_refused(archive, tmp_path / "new")


def test_what_is_no_archive_or_no_adapter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("안녕하세요" * 1000)
    assert_refused(tmp_path / "text", tmp_path / "new")
    assert_refused(tmp_path / "missing", tmp_path / "new")
    assert "adapter_config.json" in assert_refused(tar(tmp_path / "a.tar", {"readme": b"x"}), tmp_path / "new")


def test_an_adapter_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert "exists" in assert_refused(tar(tmp_path / "a.tar", ADAPTER), tmp_path / "new")


def patched(archive: Path, at: bytes, offset: int, value: bytes) -> Path:
    """The archive with bytes changed at the first such header."""
    content = bytearray(archive.read_bytes())
    begin = content.index(at) + offset
    content[begin : begin + len(value)] = value
    archive.write_bytes(content)
    return archive


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


@pytest.mark.parametrize(
    ("at", "offset", "value"),
    [
        (CENTRAL, 8, b"\x00\x08\xff"),  # the name's flag says UTF-8
        (CENTRAL, 6, b"\xff"),  # extract version 25.5
        (CENTRAL, 8, b"\x01"),  # encrypted
        (CENTRAL, 10, b"\x63"),  # an unknown way of packing
        (CENTRAL, 16, b"\x00\x00\x00\x00"),  # a wrong CRC
        (CENTRAL, 24, b"\xff\xff\xff\xff"),  # a size of zip64 that is not there
        (CENTRAL, 42, b"\xfe\xff\xff\x7f"),  # a place beyond the end
        (LOCAL, 0, b"PKPK"),
    ],
    ids=["utf8", "version", "encrypted", "method", "crc", "zip64", "offset", "local"],
)
def test_a_zip_whose_headers_lie_is_refused_in_a_sentence(tmp_path: Path, at: bytes, offset: int, value: bytes) -> None:
    archive = zipped(tmp_path / "a.zip", ADAPTER)
    if value[-1:] == b"\xff" and offset == 8:
        archive = patched(archive, b"adapter_config", 0, b"\xff\xfe")
        archive = patched(archive, CENTRAL, 46, b"\xff\xfe")
        value = b"\x00\x08"
    assert str(tmp_path) in assert_refused(patched(archive, at, offset, value), tmp_path / "new")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ADAPTER)
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("adapter_config.json", b"{}")
    assert "adapter_config.json" in assert_refused(archive, tmp_path / "new")
