"""`kullm doctor`: one line for each thing that has to be right, and what to do where it is not. On a terminal it tries that too."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json

if TYPE_CHECKING:
    from kullm_tui.doctor.checks import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.doctor import checks

    findings = [(check.subject, check.run()) for check in checks.CHECKS]
    if args.json:
        broken = _broken(findings)
        rows = [{"check": subject, "verdict": finding.verdict, "text": finding.text} for subject, finding in findings]
        print(terminal_safe_json({"ok": not broken, "checks": rows}))
        return 1 if broken else 0
    for subject, finding in findings:
        _print(subject, finding)
    return 1 if _broken([*findings, *_asked()]) else 0


def _asked() -> "list[tuple[str, Finding]]":
    """What the terminal and the person in front of it answer; nothing where there is none."""
    from kullm_tui.doctor import checks, terminal
    from kullm_tui.doctor.result import Result

    found: list[tuple[str, Finding]] = []

    def show(result: Result) -> None:
        found.append((result.subject, checks.Finding(result.verdict, result.text)))
        _print(*found[-1])

    if terminal.can_be_asked():
        sys.stdout.flush()
        terminal.examine(show)
    return found


def _broken(findings: "Iterable[tuple[str, Finding]]") -> bool:
    return any(finding.verdict == "problem" for _, finding in findings)


def _print(subject: str, finding: "Finding") -> None:
    from kullm_tui.doctor import checks

    print(terminal_safe(f"{checks.word(finding.verdict)}  {subject}: {finding.text}"), flush=True)
