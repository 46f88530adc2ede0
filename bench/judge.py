"""How near judging comes to the rate that a judge's server allows, and whether anything is paid for twice after kill -9.

    python bench/judge.py [--systems 6] [--items 252] [--rate 20] [--size 60] [--latency 0.3] [--out FOLDER]

The server enforces a token bucket and says so in its headers; each call takes 300 ms. The ratio is calls a second over the rate
at which the bucket fills, after the burst that a full bucket gives away is taken off.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench")]

from report import Report, Row  # noqa: E402

from evaluator.judge import Judge  # noqa: E402
from evaluator.judging import judge_items  # noqa: E402
from evaluator.rubric import load_rubric  # noqa: E402
from evaluator.verdict import Item  # noqa: E402
from evaluator.verdicts import VerdictStore  # noqa: E402
from kullm_tui.core.chat_client import Endpoint  # noqa: E402
from tests.evaluator.judge_server import Bucket, JudgeServer  # noqa: E402

GOAL = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=6)
    parser.add_argument("--items", type=int, default=252)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    settings = {name: value for name, value in vars(arguments).items() if name != "out"}
    report = Report("judge", settings, arguments.out)
    for headers, bucket in (
        ("rate headers and Retry-After", Bucket(arguments.rate, arguments.size)),
        ("Retry-After only", Bucket(arguments.rate, arguments.size, says_rate=False)),
        ("neither", Bucket(arguments.rate, arguments.size, says_rate=False, says_when=False)),
    ):
        report.add([measured(headers, bucket, arguments)])
    report.finish()


def measured(headers: str, bucket: Bucket, arguments: argparse.Namespace) -> Row:
    items = [
        Item(f"{system}/{number}", f"지시 {number}", "", f"시스템 {system}의 답 {number}")
        for system in range(arguments.systems)
        for number in range(arguments.items)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        JudgeServer(latency=arguments.latency, bucket=bucket) as server,
        VerdictStore(Path(folder) / "evaluation.db") as store,
    ):
        judge = Judge(Endpoint("bench", server.base_url, "sk"), "gpt-4.1", "paper", {"temperature": 0})
        began = time.monotonic()
        outcome = asyncio.run(judge_items(items, judge=judge, rubric=load_rubric("kullm-2023-ko"), store=store))
        seconds = time.monotonic() - began
    scored = sum(verdict.status == "ok" for verdict in outcome.verdicts.values())
    twice = sum(times - 1 for times in server.bought.values())
    ratio = (len(items) - bucket.size) / seconds / bucket.rate
    goal = GOAL if headers.startswith("rate") else None
    return Row(
        f"judging, {headers}",
        f"{len(items) / seconds:.1f} calls/s of {bucket.rate:g}; {server.refusals} refused, {twice} twice",
        ratio,
        f"≥ {goal}" if goal else "",
        (ratio >= goal and twice == 0 and scored == len(items)) if goal else None,
        {"seconds": seconds, "calls": len(items), "scored": scored, "refused": server.refusals, "twice": twice},
    )


if __name__ == "__main__":
    main()
