"""Public question sets: each fetched once from the commit that it is known by, checked, and kept in the cache.

What arrives is published only whole and with the questions that it is known to hold; a copy in the cache that is not what it
should be is fetched again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kullm_tui.core import rules
from kullm_tui.core.endpoints.endpoint import is_outside
from kullm_tui.core.endpoints.errors import TooMuch, asked_delay
from kullm_tui.core.errors import KullmError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.paths import cache_dir, private_dir

_QUIET_SECONDS = 20.0
_LARGEST_SET = 50_000_000
_TRIES = 3
_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 10.0
_PASSING = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class PublicSet:
    name: str
    url: str  # of one commit, so that it says the same in ten years
    licence: str
    questions: int
    sha256: str  # of the questions, however their file is written


PUBLIC_SETS = (
    PublicSet(
        "human-eval-ko",
        "https://raw.githubusercontent.com/nlpai-lab/KULLM/e75298050ebfef32f63eb5d638b624cbbc64b477"
        "/data/user_oriented_instructions_eval.jsonl",
        "Apache-2.0",
        252,
        "a5ab308fa38e9b9c810b0985d74e7e62afb89e0bd8ba748f881db097470f6f41",
    ),
    PublicSet(
        "vicuna-80",
        "https://raw.githubusercontent.com/lm-sys/FastChat/589532dcfa83700f950b9aa3983416c543afabc0"
        "/fastchat/llm_judge/data/vicuna_bench/question.jsonl",
        "Apache-2.0",
        80,
        "c56b1961a0f2d3933f9636ba5eff2eddd44c0b80e4e6b2396ef2978674c5a04c",
    ),
)
# Nothing to ask a Korean model, but what a Korean data set keeps clear of: human-eval-ko was translated from it.
HELD_OUT_SETS = (
    PublicSet(
        "human-eval-en",
        "https://raw.githubusercontent.com/yizhongw/self-instruct/354249bebfffe152a19863b8323f9b71d37470ff"
        "/human_eval/user_oriented_instructions.jsonl",
        "Apache-2.0",
        252,
        "b671c42222c3a4dda089e80b61c8069eaa6dd81661b546b0f4d0e701ded15e27",
    ),
)


class NotFetched(KullmError):
    pass


def public_text(public: PublicSet, is_whole: Callable[[str], bool]) -> str:
    """The set's file, from the cache or from its repository. NotFetched where neither has it whole."""
    path = cached_place(public)
    kept = _kept(path)
    if kept is not None and is_whole(kept):
        return kept
    url = public.url
    text = _downloaded(url, path)
    if not is_whole(text):
        raise NotFetched(
            say(
                f"{public.name}: {url}에서 받은 내용이 알려진 질문 {public.questions}개와 달라서 쓰지 않았어요. {_other_way(path)}",
                f"{public.name}: what {url} sent is not the {public.questions} questions it is known by, and was not used. {_other_way(path)}",
            )
        )
    publish(path, text, mode=0o600)
    return text


def cached_place(public: PublicSet) -> Path:
    return private_dir(cache_dir() / "questions") / f"{public.name}.jsonl"


def _kept(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _downloaded(url: str, place: Path) -> str:
    """Tried again where the network or the server may have meant it only for now."""
    import httpx2

    failure: Exception | None = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_delay(failure, attempt))
        try:
            return _once(url)
        except httpx2.HTTPStatusError as error:
            failure = error
            if error.response.status_code not in _PASSING:
                break
        except httpx2.TransportError as error:
            failure = error
        except (httpx2.HTTPError, ValueError, TooMuch, rules.Fault) as error:
            failure = error
            break
    host = urlsplit(url).hostname or url
    raise NotFetched(
        say(
            f"질문을 내려받지 못했어요: {url}\n{_reason(failure, host)} {_other_way(place)}",
            f"the questions were not fetched: {url}\n{_reason(failure, host)} {_other_way(place)}",
        )
    ) from failure


def _once(url: str) -> str:
    import httpx2

    from kullm_tui.core.endpoints.bounds import ACCEPT_ENCODING, bound_answer_now

    rules.web_address(url)
    with httpx2.stream(
        "GET",
        url,
        headers={"Accept-Encoding": ACCEPT_ENCODING},
        timeout=_QUIET_SECONDS,
        follow_redirects=True,
        trust_env=is_outside(url),
    ) as answer:
        answer.raise_for_status()
        content = bound_answer_now(answer, most_bytes=_LARGEST_SET)
    return content.decode("utf-8-sig")


def _delay(failure: Exception | None, attempt: int) -> float:
    import httpx2

    asked = asked_delay(failure.response.headers) if isinstance(failure, httpx2.HTTPStatusError) else None
    return min(_DELAY_SECONDS * 2 ** (attempt - 1) if asked is None else asked, _LONGEST_DELAY_SECONDS)


def _reason(failure: Exception | None, host: str) -> str:
    import httpx2

    if isinstance(failure, httpx2.HTTPStatusError):
        status = failure.response.status_code
        return say(f"{host}의 답이 정상이 아니에요(HTTP {status}).", f"{host} answered HTTP {status}.")
    if isinstance(failure, httpx2.ConnectError | httpx2.ConnectTimeout):
        return say(f"{host}에 연결할 수 없어요. 네트워크를 확인하세요.", f"There is no connection to {host}. Check the network.")  # fmt: skip
    if isinstance(failure, httpx2.TimeoutException):
        return say(f"{host}의 답이 오지 않아요.", f"{host} does not answer.")
    if isinstance(failure, httpx2.TransportError):
        return say("받는 도중에 연결이 끊겼어요.", "The connection broke on the way.")
    if isinstance(failure, UnicodeDecodeError):
        return say("UTF-8로 된 글이 아니에요.", "It is not UTF-8.")
    return f"{failure}." if isinstance(failure, TooMuch) else str(failure)


def _other_way(place: Path) -> str:
    return say(
        f"다른 컴퓨터에서 받아 {place}에 두거나, --set 파일.jsonl로 주세요.",
        f"Fetch it elsewhere and put it at {place}, or give a file with --set FILE.jsonl.",
    )
