"""A foreign error's cause in a few words of the reader's language: the operating system's, a parser's, the database's.

In English the foreign words stand; in Korean what is commonly met has words of ours, and the rest its number or name, never an English sentence.
"""

from __future__ import annotations

import errno
import json
import re
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.regular_files import BadFile

_KOREAN = {
    errno.EPERM: "허용되지 않은 작업",
    errno.ENOENT: "파일이나 폴더가 없음",
    errno.EIO: "입출력 오류",
    errno.EACCES: "권한 없음",
    errno.EBUSY: "다른 프로그램이 사용 중",
    errno.EEXIST: "이미 있음",
    errno.EXDEV: "다른 디스크",
    errno.ENODEV: "장치 없음",
    errno.ENOTDIR: "폴더가 아님",
    errno.EISDIR: "파일이 아니라 폴더임",
    errno.EINVAL: "잘못된 값",
    errno.EMFILE: "열린 파일이 너무 많음",
    errno.ENFILE: "열린 파일이 너무 많음",
    errno.EFBIG: "파일이 너무 큼",
    errno.ENOSPC: "디스크가 가득 참",
    errno.EDQUOT: "디스크 할당량을 다 씀",
    errno.EROFS: "읽기 전용 디스크",
    errno.EPIPE: "연결이 끊김",
    errno.ENAMETOOLONG: "이름이 너무 김",
    errno.ENOTEMPTY: "빈 폴더가 아님",
    errno.ELOOP: "링크가 너무 많이 이어짐",
    errno.ENOMEM: "메모리 부족",
    errno.ESTALE: "네트워크 폴더가 사라짐",
    errno.EADDRINUSE: "이미 쓰고 있는 주소",
    errno.EADDRNOTAVAIL: "이 컴퓨터에 없는 주소",
    errno.ENETUNREACH: "네트워크에 닿지 않음",
    errno.EHOSTUNREACH: "상대 컴퓨터에 닿지 않음",
    errno.ECONNREFUSED: "연결을 받지 않음",
    errno.ECONNRESET: "연결이 끊김",
    errno.ECONNABORTED: "연결이 끊김",
    errno.ETIMEDOUT: "시간 초과",
}
# As the transports word them where the error itself carries no number.
_WORDED = (
    (r"name or service not known|name resolution|nodename nor servname|getaddrinfo", "주소를 찾을 수 없음"),
    (r"certificate|ssl|tls", "보안 연결(TLS)을 맺지 못함"),
    (r"timed? ?out|timeout", "시간 초과"),
    (r"refused", "연결을 받지 않음"),
    (r"unreachable", "상대 컴퓨터에 닿지 않음"),
    (r"disconnected|reset|closed|broken pipe|incomplete", "연결이 끊김"),
    (r"proxy", "프록시 오류"),
)
_AT = re.compile(r"line (\d+),? col(?:umn)? (\d+)")


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, has no room left."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def cause_of(error: BaseException) -> str:
    match error:
        case KullmError() | BadFile():
            cause = str(error)
        case UnicodeDecodeError():
            cause = say("UTF-8이 아님", "not UTF-8")
        case OSError():
            cause = _os_cause(error)
        case subprocess.TimeoutExpired():
            cause = say("시간 초과", "it timed out")
        case sqlite3.Error():
            cause = say(f"SQLite 오류 {getattr(error, 'sqlite_errorname', type(error).__name__)}", str(error))
        case KeyError():
            cause = say(f"{error.args[0]} 항목이 없음", f"{error.args[0]} is missing")
        case RecursionError():
            cause = say("지나치게 깊음", "nested too deeply")
        case ValueError():
            cause = _syntax_cause(error)
        case _:
            cause = say(f"{type(error).__name__} 오류", str(error))
    return cause


def connection_cause(error: BaseException) -> str:
    """Why no connection came about: the first number in the chain of causes, else the first of its words that say something."""
    chain = list(_chain(error))
    for found in chain:
        if isinstance(found, OSError) and found.errno in _KOREAN and not isinstance(found, ssl.SSLError):
            return _os_cause(found)
    told = [str(found) for found in chain]
    words = next(filter(_known, told), "") or str(error) or type(error).__name__
    return say(_worded(words), words)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _os_cause(error: OSError) -> str:
    words = error.strerror or str(error)
    if error.errno is None:
        return say(_worded(words), words)
    return say(_KOREAN.get(error.errno) or f"운영체제 오류 {error.errno}", words)


def _syntax_cause(error: ValueError) -> str:
    """Where a file stops being JSON or TOML."""
    if isinstance(error, json.JSONDecodeError):
        line, column = str(error.lineno), str(error.colno)
    else:
        at = _AT.search(str(error))
        if at is None:
            return say("잘못된 값", str(error))
        line, column = at.groups()
    return say(f"{line}번째 줄 {column}번째 글자", str(error))


def _worded(words: str) -> str:
    return _known(words) or "알 수 없는 오류"


def _known(words: str) -> str:
    return next((korean for form, korean in _WORDED if re.search(form, words, re.IGNORECASE)), "")
