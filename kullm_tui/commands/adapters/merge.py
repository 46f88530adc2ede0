"""`kullm adapters merge`: base and adapter as one model folder with its card, and on to the Hub where that is asked for."""

import argparse
import tempfile
from pathlib import Path

from kullm_tui.commands.adapters.child import run_child
from kullm_tui.commands.adapters.pair import Pair, pair_of
from kullm_tui.commands.adapters.pair import add_arguments as add_pair
from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.errors import ConsentNeeded
from kullm_tui.core.extras import require_local
from kullm_tui.core.hub.upload import require_token, upload
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.feedback.model_card import model_card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    parser.add_argument("--to", required=True, metavar="FOLDER", help=say("새 모델의 폴더", "the new model's folder"))
    parser.add_argument(
        "--push", metavar="OWNER/NAME", help=say("허브의 저장소에도 올려요", "upload it to this repository of the hub")
    )
    parser.add_argument(
        "--public", action="store_true", help=say("누구나 볼 수 있게 (기본은 비공개)", "for everybody (else private)")
    )
    parser.add_argument("--yes", action="store_true", help=say("묻지 않고 올려요", "upload without asking"))


def run(args: argparse.Namespace) -> int:
    require_local()
    pair = pair_of(args)
    to = paths.typed(args.to).absolute()
    if args.push:
        require_token()
        _require_consent(args, pair)
    code = _merge(pair, to)
    if code:
        return code
    Narration().note(say("합쳤어요. 이렇게 써요:", "Merged. Use it like this:"))
    print(terminal_safe(f'kullm ask -m {to} "안녕하세요?"'))
    if args.push:
        _push(to, args)
    return 0


def _merge(pair: Pair, to: Path) -> int:
    with tempfile.TemporaryDirectory() as beside:
        card = Path(beside) / "README.md"
        card.write_text(model_card(to.name, pair.adapter, pair.base, pair.profile), encoding="utf-8")
        places = (str(pair.adapter.folder), str(pair.folder), str(to))
        return run_child(
            ["trainer.merge", *places, "--profile", pair.prompted, "--card", str(card)],
            say("합치는 중", "merging"),
        )


def _require_consent(args: argparse.Namespace, pair: Pair) -> None:
    """Before anything is made: the licence goes along with the base."""
    Narration().note(
        say(
            f"베이스의 라이선스: {pair.base.licence or '알 수 없음'}",
            f"The base's licence: {pair.base.licence or 'not known'}",
        )
    )
    seen = say("누구나 볼 수 있게", "for everybody to see") if args.public else say("비공개로", "as a private one")
    question = say(f"합친 모델을 {args.push}에 {seen} 올릴까요?", f"Upload the merged model to {args.push} {seen}?")
    if not args.yes and not (can_ask() and confirmed(question)):
        raise ConsentNeeded(
            say("올리지 않았어요. 괜찮으면 --yes를 붙이세요.", "nothing was sent. If that is fine, add --yes.")
        )


def _push(folder: Path, args: argparse.Namespace) -> None:
    narration = Narration()
    narration.progress(say("올리는 중 …", "uploading …"))
    files = sorted(file for file in folder.iterdir() if file.is_file())
    address = upload(files, args.push, kind="model", public=args.public, message=f"kullm adapters merge {args.name}")
    narration.clear()
    print(terminal_safe(address))
