"""Adapters that arrive as an archive: unpacked whole into a new folder, or not at all.

An archive is a stranger's: names that leave the folder, links, devices, floods of files and bombs are refused before
anything of it is seen under its final name.
"""

import bz2
import contextlib
import errno
import gzip
import lzma
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import AdapterError, KullmError, NoSpace
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

_MOST_FILES = 2000
_MOST_BYTES = 16 * 2**30
_MOST_GROWTH = 50  # times the archive's own size: weights hardly shrink, so more is a bomb
_FREE_GROWTH_BYTES = 16 * 2**20  # small archives of text may grow more
_LONGEST_NAME = 200
_DAMAGES = (
    zipfile.BadZipFile,
    UnicodeDecodeError,
    NotImplementedError,
    struct.error,
    OverflowError,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
)
_CONFIGURATION = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def import_archive(archive: Path, destination: Path, *, require: Callable[[Path], None] = lambda _: None) -> Path:
    """The new folder with the adapter; AdapterError for anything that is not one, and then nothing is left behind.

    `require` looks at the unpacked folder before it has its name, and raises where it is not to have one.
    """
    if destination.exists():
        raise AdapterError(
            say(
                f"이미 있는 폴더예요: {destination}. 다른 이름을 쓰거나 먼저 지우세요.",
                f"{destination} exists already. Use another name, or remove it first.",
            )
        )
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f".{destination.name}."))
        try:
            _unpack(archive, draft)
            root = _adapter_root(archive, draft)
            require(root)
            root.rename(destination)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except _DAMAGES as error:
        raise _damaged(archive) from error
    except OSError as error:
        raise _disk_fault(archive, destination, error) from error
    return destination


def _unpack(archive: Path, draft: Path) -> None:
    guard = _Guard(archive, min(_MOST_BYTES, archive.stat().st_size * _MOST_GROWTH + _FREE_GROWTH_BYTES))
    if zipfile.is_zipfile(archive):
        _unzip(archive, draft, guard)
    else:
        _untar(archive, draft, guard)


def _unzip(archive: Path, draft: Path, guard: "_Guard") -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            # The library cuts names at a NUL; the name as it was packed is the one to judge.
            path = guard.admit(member.orig_filename, member.file_size, is_folder=member.is_dir(), is_plain=is_plain)
            member.filename = f"{path}/" if member.is_dir() else path
            try:
                unpacked = Path(packed.extract(member, draft))
            except (RuntimeError, NotImplementedError) as error:
                raise _refused(
                    archive,
                    say(
                        f"{path}의 암호나 압축 방식을 풀 수 없어요",
                        f"{path} is encrypted or packed in an unknown way",
                    ),
                ) from error
            if not member.is_dir() and unpacked.stat().st_size != member.file_size:
                raise EOFError  # its headers say more than there is


def _untar(archive: Path, draft: Path, guard: "_Guard") -> None:
    def admitted(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        is_plain = (member.isreg() or member.isdir()) and not member.issparse()
        path = guard.admit(member.name, member.size, is_folder=member.isdir(), is_plain=is_plain)
        # What the archive says of times stays out: they may be beyond any calendar.
        return tarfile.data_filter(member.replace(name=path, mtime=None), folder)  # type: ignore[arg-type]

    with archive.open("rb") as raw, _decompressed(raw) as plain:
        # Headers count too: a long one is read into memory whole. Every byte is counted twice at most.
        counted = _Counted(plain, archive, 2 * guard.left)
        with tarfile.open(fileobj=cast(IO[bytes], counted), mode="r|") as tar:
            tar.extractall(draft, filter=admitted)


@dataclass
class _Guard:
    """What each member has to pass before anything of it is written; the libraries write no more than it says it holds."""

    archive: Path
    left: int  # bytes
    count: int = 0
    seen: set[str] = field(default_factory=set)

    def admit(self, name: str, size: int, *, is_folder: bool, is_plain: bool) -> str:
        """The path to write it to, under the new folder."""
        if not is_plain:
            raise _no_plain_file(self.archive, name)
        path = str(_harmless(self.archive, name))
        self.count += 1
        self.left -= size
        if self.count > _MOST_FILES:
            raise _refused(
                self.archive, say(f"파일이 {_MOST_FILES}개를 넘어요", f"it holds more than {_MOST_FILES} files")
            )
        if self.left < 0 or size < 0:
            raise _bomb(self.archive)
        # Some file systems take names that differ only in case for one.
        if not is_folder and path.casefold() in self.seen:
            raise _refused(self.archive, say(f"{path} 파일이 두 번 들어 있어요", f"it holds {path} twice"))
        self.seen.add(path.casefold())
        return path


@dataclass
class _Counted:
    source: IO[bytes]
    archive: Path
    left: int

    def read(self, count: int) -> bytes:
        chunk = self.source.read(count)
        self.left -= len(chunk)
        if self.left < 0:
            raise _bomb(self.archive)
        return chunk


@contextlib.contextmanager
def _decompressed(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    magic = raw.read(6)
    raw.seek(0)
    openers: tuple[tuple[bytes, Callable[[IO[bytes]], contextlib.AbstractContextManager[Any]]], ...] = (
        (b"\x1f\x8b", lambda source: gzip.GzipFile(fileobj=source)),
        (b"BZh", bz2.BZ2File),
        (b"\xfd7zXZ\x00", lzma.LZMAFile),
    )
    opener = next((opener for start, opener in openers if magic.startswith(start)), contextlib.nullcontext)
    with opener(raw) as opened:
        yield opened


def _harmless(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(nfc(name))
    bad = re.search(r"[\\:\x00-\x1f\x7f]", name) or any(len(part.encode()) > _LONGEST_NAME for part in path.parts)
    if path.is_absolute() or ".." in path.parts or bad or len(path.parts) > 8:
        raise _refused(
            archive,
            say(f"폴더 밖을 가리키거나 쓸 수 없는 이름이 있어요: {name!r}", f"it holds an unsafe name: {name!r}"),
        )
    return path


def _adapter_root(archive: Path, draft: Path) -> Path:
    """Many archives hold one folder, and the adapter in it."""
    children = list(draft.iterdir())
    root = children[0] if len(children) == 1 and children[0].is_dir() else draft
    if not (root / _CONFIGURATION).is_file() or not any((root / name).is_file() for name in _WEIGHTS):
        raise AdapterError(
            say(
                f"{archive}에 {_CONFIGURATION}이나 {_WEIGHTS[0]}가 없어요. PEFT 어댑터를 묶은 온전한 파일인지 확인하세요.",
                f"{archive} lacks {_CONFIGURATION} or {_WEIGHTS[0]}. Check that it packs a whole PEFT adapter.",
            )
        )
    root.chmod(0o700)
    return root


def _no_plain_file(archive: Path, name: str) -> AdapterError:
    return _refused(
        archive,
        say(
            f"링크나 장치처럼 보통 파일이 아닌 것이 있어요: {name!r}",
            f"it holds a link, a device or the like: {name!r}",
        ),
    )


def _bomb(archive: Path) -> AdapterError:
    return _refused(
        archive, say("풀면 크기가 지나치게 커져요(압축 폭탄)", "it grows beyond all measure when unpacked (a bomb)")
    )


def _refused(archive: Path, reason: str) -> AdapterError:
    return AdapterError(
        say(
            f"{archive} 파일을 풀지 않았어요: {reason}. 믿을 수 있는 곳에서 다시 받으세요.",
            f"{archive} was not unpacked: {reason}. Get it again from someone you trust.",
        )
    )


def _damaged(archive: Path) -> AdapterError:
    return AdapterError(
        say(
            f"{archive} 파일은 zip도 tar도 아니거나 잘렸어요. 다시 받으세요.",
            f"{archive} is neither zip nor tar, or it is cut short. Get it again.",
        )
    )


def _disk_fault(archive: Path, destination: Path, error: OSError) -> KullmError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            say(
                f"디스크가 가득 차서 {destination} 폴더를 만들지 못했어요. 공간을 비우고 다시 해 보세요.",
                f"The disk is full: {destination} was not made. Free some space and try again.",
            )
        )
    if isinstance(error, FileNotFoundError) and not archive.exists():
        return AdapterError(say(f"{archive} 파일이 없어요.", f"There is no file {archive}."))
    if error.errno is None:  # bz2 tells of damage so
        return _damaged(archive)
    return AdapterError(
        say(
            f"{archive} 파일을 풀지 못했어요: {cause_of(error)}",
            f"{archive} was not unpacked: {cause_of(error)}",
        )
    )
