"""Ten thousand conversations: how long the list, a thread and a search take.

    python bench/history.py [--conversations 10000] [--repeat 5]

A database of that many conversations is made in a temporary folder, ten messages of 400 characters in each. The words follow
Zipf's law, as words do; besides them one word stands in a single message, and one in none.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row, median  # noqa: E402

from kullm_tui.core.store.portable import PortableConversation, PortableMessage  # noqa: E402
from kullm_tui.core.store.salvaged_conversations import rescue_conversations  # noqa: E402
from kullm_tui.core.store.store import Store  # noqa: E402

_MESSAGES, _CHARACTERS = 10, 400
_VOCABULARY = 20_000
_ROOTS = (
    "가나다라마바사아자차하고도로모보소오조거너더러머버서어저그기니디리미비시이지한국말글물불산강집길사람학교모델데이터"
)
_PARTICLES = ("은", "는", "이", "가", "을", "를", "에서", "으로", "의", "도", "까지", "입니다", "해요", "하고", "")
SINGLE = "뷁뚫훓"
_AT_ONCE = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    report = Report("history", {"conversations": args.conversations, "repeat": args.repeat}, args.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        path = Path(folder) / "kullm.db"
        report.add([_filled(path, args.conversations)])
        report.add([_opened(path, args.repeat)])
        with Store(path) as store:
            for promise, work, most_ms in _promises(store):
                report.add([_measured(promise, work, most_ms, args.repeat)])
        report.add([_rescued(path, 10 * args.conversations)])
    report.finish()


def _promises(store: Store) -> Iterator[tuple[str, Callable[[], object], float | None]]:
    yield "list of all", store.conversations, 50
    yield "list of the first 50", lambda: store.conversations(limit=50), 50
    newest = store.conversations(limit=1)[0].id
    yield "a thread of ten", lambda: store.thread(newest), 50
    for word in ("수", "이", "ㅅ", "뷁", "퓨", "AI"):
        yield f"search {word}", lambda word=word: store.search(word), 300  # type: ignore[misc]
    for word in ("학교", "데이터", "모델은 학교", SINGLE, "없는낱말", "숟", "학교에ㅅ"):
        yield f"search {word}", lambda word=word: store.search(word), 50  # type: ignore[misc]


def _measured(promise: str, work: Callable[[], object], most_ms: float | None, repeat: int) -> Row:
    found = work()
    count = len(found) if isinstance(found, list) else 0
    took, worked = zip(*(_both_clocks(work) for _ in range(repeat)), strict=True)
    ratio = median(took) / most_ms if most_ms else None
    goal = f"≤ {most_ms:.0f} ms" if most_ms else ""
    met = None if most_ms is None else median(took) <= most_ms
    told = f"{median(took):.1f} ms, {median(worked):.1f} of work"
    raw = {"milliseconds": took, "processormilliseconds": worked, "load": os.getloadavg()}
    return Row(f"{promise} ({count})", told, ratio, goal, met, raw)


def _opened(path: Path, repeat: int) -> Row:
    def work() -> object:
        with Store(path) as store:
            return store.conversations(limit=50)

    return _measured("open the file, list the first 50", work, 50, repeat)


def _filled(path: Path, count: int) -> Row:
    seconds = fill(path, count)
    size = sum(file.stat().st_size for file in path.parent.iterdir())
    found = f"{seconds:.1f} s, {size / 1e6:.0f} MB"
    return Row(f"{count * _MESSAGES:,} messages imported", found, None, "", None, {"seconds": seconds, "bytes": size})


def fill(path: Path, count: int) -> float:
    """Seconds that the import took, some thousand conversations at a time."""
    made, seconds = _conversations(count), 0.0
    with Store(path) as store:
        while some := list(islice(made, _AT_ONCE)):
            seconds += milliseconds(lambda some=some: store.keep(some)) / 1000  # type: ignore[misc]
    return seconds


def _rescued(path: Path, messages: int) -> Row:
    """Opened with a hole of 64 kB in the middle; last, since the file is not what it was afterwards."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\0" * 65_536)
    started = time.perf_counter()
    aside = path.rename(path.with_name("aside.db"))
    Store(path).close()
    rescued = rescue_conversations(aside, path)
    seconds = time.perf_counter() - started
    found = f"{seconds:.1f} s, {rescued.messages:,} of {messages:,} messages"
    return Row("rescued from a damaged file", found, None, "", None, {"seconds": seconds, "messages": rescued.messages})


def _conversations(count: int) -> Iterator[PortableConversation]:
    dice = random.Random(20)
    words = [_word(dice) for _ in range(_VOCABULARY)]
    weights = list(accumulate(1 / (rank + 10) for rank in range(_VOCABULARY)))
    now = time.time()
    for number in range(count):
        moment = now - 600 * (count - number)
        texts = [_text(dice, words, weights) for _ in range(_MESSAGES)]
        if number == count // 2:
            texts[3] = f"{texts[3][:200]} {SINGLE} {texts[3][200:]}"
        messages = tuple(
            PortableMessage(
                place, place - 1 or None, "user" if place % 2 else "assistant", text, moment, model="kullm-5.8b"
            )
            for place, text in enumerate(texts, start=1)
        )
        yield PortableConversation(f"bench-{number}", texts[0][:40], moment, moment, messages, leaf=_MESSAGES)


def _word(dice: random.Random) -> str:
    letters = dice.choices(_ROOTS, k=dice.randint(1, 3))
    if dice.random() < 0.5:
        letters[-1] = chr(dice.randrange(0xAC00, 0xD000))
    return "".join(letters)


def _text(dice: random.Random, words: Sequence[str], weights: Sequence[float]) -> str:
    """`weights`: each the sum of those until then."""
    chosen = dice.choices(words, cum_weights=weights, k=_CHARACTERS // 3)
    return " ".join(word + dice.choice(_PARTICLES) for word in chosen)[:_CHARACTERS]


def _both_clocks(work: Callable[[], object]) -> tuple[float, float]:
    """Beside others on the machine, what passed is more than what was worked."""
    started = time.process_time()
    return milliseconds(work), 1000 * (time.process_time() - started)


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
