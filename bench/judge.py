"""How near judging comes to the rate that a judge's server allows, how often it is refused, and what kill -9 costs.

    python bench/judge.py [--systems 6] [--items 252] [--rate 20] [--size 60] [--latency 0.3] [--kills 10] [--only TEXT] [--out FOLDER]

The server enforces a token bucket and says so in its headers, only in Retry-After, or not at all; each call takes 300 ms. The ratio
is calls a second over the rate at which the bucket fills, after the burst that a full bucket gives away is taken off. A busy
server has no rate: it refuses a share of all calls by chance, without a word, and the ratio is to the same server when it is not
busy, measured just before. In the last row a process that judges the same rows is killed ten times on the way: nothing that was answered is lost, and no more is paid
twice than was under way when it died.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench")]

from report import Report, Row  # noqa: E402

from evaluator.judge import Judge  # noqa: E402
from evaluator.judging import judge_items  # noqa: E402
from evaluator.rubric import load_rubric  # noqa: E402
from evaluator.verdict import Item  # noqa: E402
from evaluator.verdicts import VerdictStore  # noqa: E402
from kullm_tui.core.endpoints.endpoint import Endpoint  # noqa: E402
from tests.evaluator.judge_server import Bucket, JudgeServer  # noqa: E402

GOAL = 0.9
MOST_REFUSED = 0.05
BUSY, BUSY_GOAL = (0.05, 0.1, 0.2), 0.75  # shares of calls that are refused by chance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=6)
    parser.add_argument("--items", type=int, default=252)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="", help="only the rows whose name holds this")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], Path(arguments.child[1]), arguments)
        return
    settings = {name: value for name, value in vars(arguments).items() if name not in ("out", "child", "only")}
    report = Report("judge", settings, arguments.out)
    for headers, bucket in (
        ("rate headers and Retry-After", Bucket(arguments.rate, arguments.size)),
        ("Retry-After only", Bucket(arguments.rate, arguments.size, says_rate=False)),
        ("neither", Bucket(arguments.rate, arguments.size, says_rate=False, says_when=False)),
    ):
        if arguments.only in headers:
            report.add([measured(headers, bucket, arguments)])
    for share in BUSY:
        if arguments.only in f"busy {share:.0%}":
            report.add([busy(share, arguments)])
    if arguments.only in "kill -9":
        report.add([killed(arguments)])
    report.finish()


def rows(arguments: argparse.Namespace) -> list[Item]:
    return [
        Item(f"{system}/{number}", f"지시 {number}", "", f"시스템 {system}의 답 {number}")
        for system in range(arguments.systems)
        for number in range(arguments.items)
    ]


def judge_at(base_url: str) -> Judge:
    return Judge(Endpoint("bench", base_url, "sk"), "gpt-4.1", "paper", {"temperature": 0})


def measured(headers: str, bucket: Bucket, arguments: argparse.Namespace) -> Row:
    items = rows(arguments)
    with (
        tempfile.TemporaryDirectory() as folder,
        JudgeServer(latency=arguments.latency, bucket=bucket) as server,
        VerdictStore(Path(folder) / "evaluation.db") as store,
    ):
        judge, rubric = judge_at(server.base_url), load_rubric("kullm-2023-ko")
        began = time.monotonic()
        outcome = asyncio.run(judge_items(items, judge=judge, rubric=rubric, store=store))
        seconds = time.monotonic() - began
    scored = sum(verdict.status == "ok" for verdict in outcome.verdicts.values())
    twice = sum(times - 1 for times in server.bought.values())
    ratio = (len(items) - bucket.size) / seconds / bucket.rate
    share = server.refusals / (len(items) + server.refusals)
    has_goal = headers != "neither"
    met = ratio >= GOAL and share <= MOST_REFUSED and twice == 0 and scored == len(items)
    return Row(
        f"judging, {headers}",
        f"{len(items) / seconds:.1f} calls/s of {bucket.rate:g}; {server.refusals} refused, {twice} twice",
        ratio,
        f"≥ {GOAL}, ≤ {MOST_REFUSED:.0%} refused" if has_goal else "",
        met if has_goal else None,
        {"seconds": seconds, "calls": len(items), "scored": scored, "refused": server.refusals, "twice": twice},
    )


def busy(share: float, arguments: argparse.Namespace) -> Row:
    """Calls a second at a server that refuses by chance, over those at the same one when it does not."""
    speeds, refused, scored = [], 0, 0
    for now in (0.0, share):
        items = rows(arguments)
        with (
            tempfile.TemporaryDirectory() as folder,
            JudgeServer(latency=arguments.latency, busy=now) as server,
            VerdictStore(Path(folder) / "evaluation.db") as store,
        ):
            judge, rubric = judge_at(server.base_url), load_rubric("kullm-2023-ko")
            began = time.monotonic()
            outcome = asyncio.run(judge_items(items, judge=judge, rubric=rubric, store=store))
            speeds.append(len(items) / (time.monotonic() - began))
        refused, scored = server.refusals, sum(one.status == "ok" for one in outcome.verdicts.values())
    ratio = speeds[1] / speeds[0]
    return Row(
        f"judging, busy {share:.0%}, no headers",
        f"{speeds[1]:.1f} calls/s of {speeds[0]:.1f}; {refused} refused",
        ratio,
        f"≥ {BUSY_GOAL}",
        ratio >= BUSY_GOAL and scored == len(items),
        {"speeds": speeds, "scored": scored, "refused": refused},
    )


def killed(arguments: argparse.Namespace) -> Row:
    """The same rows judged by a process that is killed on the way, again and again."""
    wanted, kept, under_way = len(rows(arguments)), [0], 0
    bucket = Bucket(arguments.rate, arguments.size)
    with tempfile.TemporaryDirectory() as folder, JudgeServer(latency=arguments.latency, bucket=bucket) as server:
        database = Path(folder) / "evaluation.db"
        program = [sys.executable, "-P", __file__, "--child", server.base_url, str(database)]
        program += ["--systems", str(arguments.systems), "--items", str(arguments.items)]
        for kill in range(arguments.kills):
            child = subprocess.Popen(program)
            goal = wanted * (kill + 1) // (arguments.kills + 1)
            while server.paid < goal and child.poll() is None:
                time.sleep(0.01)
            child.kill()
            child.wait()
            with VerdictStore(database) as store:
                kept.append(stored(store))
                under_way += store.clear_abandoned()
        subprocess.run(program, check=True)
        with VerdictStore(database) as store:
            kept.append(stored(store))
    twice = sum(times - 1 for times in server.bought.values())
    lost = sum(after < before for before, after in pairwise(kept))
    return Row(
        "judging, kill -9",
        f"{arguments.kills} kills, {under_way} calls under way; {twice} twice, {lost} times fewer verdicts than before",
        None,
        "none lost, none twice beyond those under way",
        kept[-1] == wanted and not lost and twice <= under_way,
        {"kept_after_each": kept, "under_way": under_way, "twice": twice, "calls": server.paid},
    )


def stored(store: VerdictStore) -> int:
    with store.database.transaction() as connection:
        return int(connection.execute("SELECT count(*) FROM verdicts").fetchone()[0])


def child(base_url: str, database: Path, arguments: argparse.Namespace) -> None:
    with VerdictStore(database) as store:
        rubric = load_rubric("kullm-2023-ko")
        asyncio.run(judge_items(rows(arguments), judge=judge_at(base_url), rubric=rubric, store=store))


if __name__ == "__main__":
    main()
