"""`kullm data push`: a set that was built, to the Hub. Licences that stand in the way are said first."""

from __future__ import annotations

import argparse

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import ConsentNeeded
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mixture", metavar="MIXTURE", help=say("만든 혼합의 이름", "the name of a mixture that was built"))
    add("repository", metavar="OWNER/NAME", help=say("허브의 데이터 저장소", "the repository on the hub"))
    add("--public", action="store_true", help=say("누구나 볼 수 있게 (기본은 비공개)", "for everybody (else private)"))
    add(
        "--accept-licence",
        action="store_true",
        help=say("소스의 조건을 지키겠다고 확인해요", "confirm that the conditions of the sources are kept"),
    )
    add("--yes", action="store_true", help=say("묻지 않고 올려요", "upload without asking"))


def run(args: argparse.Namespace) -> int:
    from data.making import source_of
    from data.manifest import load_mixture
    from data.push import push, require_consent, terms_of
    from data.shelf import require_built

    facts = require_built(args.mixture)
    mixture = load_mixture(args.mixture)
    terms = terms_of(mixture, [source_of(one) for one in mixture.sources])
    require_consent(terms, accepted=args.accept_licence)
    narration = Narration()
    for one in terms:
        narration.note(f"{one.source} ({one.licence}): {one.why}")
    seen = say("누구나 볼 수 있게", "for everybody to see") if args.public else say("비공개로", "as a private one")
    question = say(
        f"{facts.rows:,}행을 {args.repository}에 {seen} 올릴까요?",
        f"Upload {facts.rows:,} rows to {args.repository} {seen}?",
    )
    if not args.yes and not (can_ask() and confirmed(question)):
        raise ConsentNeeded(
            say("올리지 않았어요. 괜찮으면 --yes를 붙이세요.", "nothing was sent. If that is fine, add --yes.")
        )
    narration.progress(say("올리는 중 …", "uploading …"))
    address = push(facts, args.repository, public=args.public)
    narration.clear()
    print(terminal_safe(address))
    return 0
