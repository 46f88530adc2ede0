"""`kullm history`: the conversations of the app and of `kullm ask`, from the shell."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from kullm_tui.commands.cli.arguments import whole_or_last
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask, confirmed, require_room
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.store.history import Conversation, Turn
from kullm_tui.core.store.recovery import open_to_read
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_LISTED = 30
_LARGEST_NUMBER = 2**63 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    for name, korean, english, arguments in (
        ("list", "대화 목록", "the conversations", _list_arguments),
        ("search", "대화에서 찾기", "find words in them", _search_arguments),
        ("show", "대화 하나를 처음부터 끝까지", "one conversation from beginning to end", _show_arguments),
        ("export", "JSONL이나 마크다운으로 내보내기", "write them as JSONL or Markdown", _export_arguments),
        (
            "import",
            "kullm이나 ChatGPT가 내보낸 파일 가져오기",
            "read what kullm or ChatGPT exported",
            _import_arguments,
        ),
        ("delete", "대화를 완전히 지우기", "delete conversations for good", _delete_arguments),
    ):
        arguments(actions.add_parser(name, help=say(korean, english)))


def run(args: argparse.Namespace) -> int:
    opened = Store if args.action in ("import", "delete") else open_to_read
    with opened(paths.database_file()) as store:
        return _ACTIONS[args.action](store, args)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help=say("전부", "all of them"))
    _json_argument(parser)


def _search_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="+", metavar="WORD", help=say("모두 들어 있어야 할 낱말", "words that must all occur")
    )
    parser.add_argument("--limit", type=_number, default=50, metavar="N", help=say("최대 개수", "at most so many"))
    _json_argument(parser)


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    named = say("`kullm history list`의 번호, 또는 마지막 대화면 last", "a number of `kullm history list`, or last")
    parser.add_argument("number", type=whole_or_last(1, _LARGEST_NUMBER), metavar="NUMBER", help=named)
    parser.add_argument(
        "--message",
        type=_number,
        metavar="N",
        help=say("이 메시지가 있는 갈래를", "the branch that holds this message"),
    )
    _json_argument(parser)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    _number_argument(parser, nargs="*")
    parser.add_argument(
        "--format",
        choices=["jsonl", "markdown"],
        help=say(
            "jsonl은 갈래까지 전부, markdown은 지금 갈래만 읽기 좋게",
            "jsonl: whole trees; markdown: one branch, to be read",
        ),
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=say("표준 출력 대신 이 파일에", "instead of stdout")
    )
    parser.add_argument(
        "--force", action="store_true", help=say("있는 파일을 덮어써요", "replace a file that is there")
    )


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=say(
            "JSONL, 마크다운, ChatGPT의 conversations.json이나 zip",
            "JSONL, Markdown, ChatGPT's conversations.json or zip",
        ),
    )
    _json_argument(parser)


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    _number_argument(parser, nargs="+")
    parser.add_argument("--yes", action="store_true", help=say("묻지 않고 지워요", "delete without asking"))


def _number_argument(parser: argparse.ArgumentParser, *, nargs: str | None = None) -> None:
    named = say("`kullm history list`의 번호", "a number of `kullm history list`")
    parser.add_argument("numbers" if nargs else "number", nargs=nargs, type=_number, metavar="NUMBER", help=named)


def _json_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= _LARGEST_NUMBER:
        return int(text)
    raise argparse.ArgumentTypeError(say("1 이상의 번호여야 해요", "must be a number from 1"))


def _list(store: Store, args: argparse.Namespace) -> int:
    found = store.conversations(limit=None if args.all or args.json else _LISTED + 1)
    if args.json:
        print(terminal_safe_json({"conversations": [asdict(one) for one in found]}))
        return 0
    if not found:
        Narration().note(
            say('아직 대화가 없어요. 예: kullm ask "안녕?"', 'no conversations yet. Try: kullm ask "Hello?"')
        )
        return 0
    shown = found if args.all else found[:_LISTED]
    head = [say("번호", "number"), say("언제", "when"), "", say("모델", "model"), say("제목", "title")]
    rows = [[str(one.id), _date(one.updated), _pin(one), one.model or "", one.title] for one in shown]
    _print_aligned([head, *rows])
    if len(shown) < len(found):
        Narration().note(say("더 있어요. 전부 보려면 --all을 붙이세요.", "there are more; --all shows them."))
    return 0


def _search(store: Store, args: argparse.Namespace) -> int:
    hits = store.search(" ".join(args.words), limit=args.limit)
    if args.json:
        print(terminal_safe_json({"hits": [asdict(hit) for hit in hits]}))
        return 0
    if not hits:
        Narration().note(say("찾는 말이 있는 대화가 없어요.", "no conversation holds these words."))
        return 1
    _print_aligned([[str(hit.conversation.id), _date(hit.conversation.updated), hit.excerpt] for hit in hits])
    return 0


def _show(store: Store, args: argparse.Namespace) -> int:
    number = args.number or _last(store)
    conversation = store.conversation(number)
    turns = store.thread(number, store.leaf_below(args.message) if args.message else None)
    if args.json:
        print(terminal_safe_json(asdict(conversation) | {"turns": [asdict(turn) for turn in turns]}))
        return 0
    print(terminal_safe(f"{conversation.title}\n{_date(conversation.created)}"))
    for turn in turns:
        print(terminal_safe(f"\n── {_heading(turn)}\n\n{turn.content}"))
        if turn.input:
            print(terminal_safe(f"\n{say('입력', 'input')}:\n{turn.input}"))
    return 0


def _last(store: Store) -> int:
    if newest := store.conversations(limit=1):
        return newest[0].id
    raise UsageError(say("아직 대화가 없어요.", "there is no conversation yet."))


def _heading(turn: Turn) -> str:
    named = {"user": say("나", "me"), "system": say("시스템", "system")}.get(turn.role) or turn.model
    speaker = say("내가 고친 답", "corrected by me") if turn.corrects and not turn.model else named or "?"
    state = {
        "cancelled": say("중단됨", "stopped"),
        "failed": say("실패", "failed"),
        "streaming": say("쓰는 중", "being written"),
    }.get(turn.state, "")
    branch = f"{turn.siblings.index(turn.id) + 1}/{len(turn.siblings)}" if len(turn.siblings) > 1 else ""
    mark = {"keep": say("좋은 답", "good"), "never": say("학습 제외", "not for training")}.get(turn.mark or "", "")
    said = (f"#{turn.id}", speaker, turn.adapter, _date(turn.created), branch, state, mark, turn.error)
    return " · ".join(filter(None, said))


def _export(store: Store, args: argparse.Namespace) -> int:
    from kullm_tui.core.transfer.export_file import export_file, exported

    if args.output:
        require_room(args.output, force=args.force)
        export_file(store, args.numbers, args.output, args.format)
        count = len(set(args.numbers)) or len(store.conversations())
        Narration().note(say(f"대화 {count:,}개를 {args.output}에 저장했어요.", f"saved {count:,} in {args.output}."))
    else:
        sys.stdout.writelines(exported(store, args.numbers, args.format or "jsonl"))
    return 0


def _import(store: Store, args: argparse.Namespace) -> int:
    from kullm_tui.core.transfer.import_file import import_file, outcome

    narration = Narration()

    def progress(step: str, done: int, total: int) -> None:
        if step == "index":
            narration.progress(
                f"{say('찾을 수 있게 색인을 만드는 중', 'making the search index')} … {done:,}/{total:,}"
            )
        elif done % 20 == 0:
            narration.progress(f"{say('가져오는 중', 'importing')} … {done:,}/{total:,}")

    for file in args.files:
        try:
            imported, unreadable = import_file(store, file, progress)
        finally:
            narration.clear()
        if args.json:
            counts = {name: getattr(imported, name) for name in ("new", "grown", "known", "messages")}
            print(terminal_safe_json({"file": str(file), **counts, "unreadable": unreadable}))
        else:
            print(terminal_safe(f"{file}: {outcome(imported, unreadable)}"))
    return 0


def _delete(store: Store, args: argparse.Namespace) -> int:
    chosen = [store.conversation(number) for number in dict.fromkeys(args.numbers)]
    if not args.yes:
        if not can_ask():
            raise UsageError(say("묻지 않고 지우려면 --yes를 붙이세요.", "add --yes to delete without being asked."))
        for one in chosen:
            Narration().note(f"{one.id}  {_date(one.updated)}  {one.title}")
        if not confirmed(say("되돌릴 수 없어요. 지울까요?", "This cannot be undone. Delete?")):
            Narration().note(say("지우지 않았어요.", "nothing was deleted."))
            return 1
    for one in chosen:
        store.purge(one.id)
    Narration().note(say(f"대화 {len(chosen)}개를 지웠어요.", f"{len(chosen)} deleted."))
    return 0


def _print_aligned(rows: list[list[str]]) -> None:
    # Safe before it is measured: what is left out must not count.
    for line in aligned([[terminal_safe(cell).replace("\n", " ") for cell in row] for row in rows], right=[0]):
        print(line)


def _pin(conversation: Conversation) -> str:
    return "★" if conversation.pinned else ""


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


_ACTIONS: dict[str, Callable[[Store, argparse.Namespace], int]] = {
    "list": _list,
    "search": _search,
    "show": _show,
    "export": _export,
    "import": _import,
    "delete": _delete,
}
