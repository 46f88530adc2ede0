"""`kullm doctor`: one line for each thing that has to be right, and what to do where it is not."""

import argparse
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    parser = subparsers.add_parser(
        "doctor", help=say("이 컴퓨터가 준비되었는지 살펴봅니다", "check that this machine is ready")
    )
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.commands import checks

    findings = [(check.subject, check.run()) for check in checks.CHECKS]
    broken = any(finding.verdict == "problem" for _, finding in findings)
    if args.json:
        rows = [{"check": subject, "verdict": finding.verdict, "text": finding.text} for subject, finding in findings]
        print(terminal_safe_json({"ok": not broken, "checks": rows}))
    else:
        for subject, finding in findings:
            print(terminal_safe(f"{checks.word(finding.verdict)}  {subject}: {finding.text}"))
    return 1 if broken else 0
