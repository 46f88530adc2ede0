"""`kullm completion bash|zsh|fish`: what a shell needs so that its Tab key knows kullm's verbs, options, choices and the names that are there.

The shell asks `kullm completion next -- WORD …` at each Tab, the last word being the one that is typed: a line a candidate, word and note
with a tab between. Exit code 3: files may stand there too, which the shell knows itself.
"""

import argparse
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.plot.rows import fitted
from kullm_tui.core.text import terminal_safe

FILES_TOO = 3
_NOTE_WIDTH = 60
_ALSO_FILES = frozenset({"recipe", "mixture", "questions", "sets", "rubric", "data"})  # names, or a file of one's own

_SCRIPTS = {
    "bash": r"""
_kullm() {
    local IFS=$'\n' files=
    COMPREPLY=($(kullm completion next --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)) || files=$?
    [[ $files == 3 ]] && compopt -o default -o bashdefault
}
complete -F _kullm kullm
""",
    "zsh": r"""
_kullm() {
    local -a lines words_ notes
    local line files
    lines=("${(@f)$(kullm completion next -- "${(@)words[2,CURRENT]}" 2>/dev/null)}") || files=$?
    for line in $lines; do
        [[ -z $line ]] && continue
        words_+=("${line%%$'\t'*}")
        notes+=("${line//$'\t'/  }")
    done
    (( $#words_ )) && compadd -l -d notes -- $words_
    [[ $files == 3 ]] && _files
}
compdef _kullm kullm
""",
    "fish": r"""
function __kullm_next
    set -l found (kullm completion next -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    set -l files $status
    string join \n -- $found
    test $files = 3; and __fish_complete_path (commandline -ct)
end
complete -c kullm -f -a '(__kullm_next)'
""",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = say(
        "셸의 설정에 넣으세요. bash는 ~/.bashrc에 `source <(kullm completion bash)`, zsh는 ~/.zshrc에 `source <(kullm completion zsh)`(compinit 다음), "
        "fish는 `kullm completion fish > ~/.config/fish/completions/kullm.fish`.",
        "Put it into your shell's settings: `source <(kullm completion bash)` in ~/.bashrc, `source <(kullm completion zsh)` after compinit in "
        "~/.zshrc, or `kullm completion fish > ~/.config/fish/completions/kullm.fish`.",
    )
    parser.add_argument(
        "shell", choices=[*_SCRIPTS, "next"], metavar="|".join(_SCRIPTS), help=say("쓰는 셸", "your shell")
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--line", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    if args.shell != "next":
        print(_SCRIPTS[args.shell].strip())
        return 0
    words = args.words if args.line is None else _split(args.line)
    found = next_of(words)
    cut = _part_that_bash_keeps(words[-1]) if args.line is not None and words else 0
    for one in found.candidates:
        print(one.word[cut:] if args.line is not None else f"{one.word}\t{one.note}")
    return FILES_TOO if found.files else 0


def _split(line: str) -> list[str]:
    """The words after the first, the last as far as it is typed; a quote may be open."""
    for closing in ("", '"', "'"):
        with suppress(ValueError):
            words = shlex.split(line + closing)
            return [*words[1:], ""] if line[-1:].isspace() and not closing else words[1:]
    return []


def _part_that_bash_keeps(typed: str) -> int:
    """bash takes a word for several at these signs, and puts a candidate behind the last of them."""
    return max(typed.rfind("="), typed.rfind(":")) + 1


@dataclass(frozen=True)
class Candidate:
    word: str
    note: str = ""


@dataclass
class Next:
    candidates: list[Candidate] = field(default_factory=list)
    files: bool = False


def next_of(words: Sequence[str]) -> Next:
    """What may stand in place of the last word, which is as far as it is typed."""
    *before, typed = words or [""]
    place = _Place()
    for word in before:
        place.pass_word(word)
    found = place.next(typed)
    found.candidates = [one for one in found.candidates if one.word.startswith(typed)]
    return found


class _Place:
    """Where on the command line it is: behind which verbs, at which option's value or which argument."""

    def __init__(self) -> None:
        self._verbs: list[str] = []
        self._parser: Any = None
        self._value_of: argparse.Action | None = None
        self._arguments = 0  # that were passed
        self._options_are_over = False
        self._lost = False  # a verb that there is not

    def pass_word(self, word: str) -> None:
        if self._value_of is not None:
            self._value_of = None
        elif word == "--" and not self._options_are_over:
            self._options_are_over = True
        elif self._is_option(word):
            option = self._options().get(word)
            self._value_of = option if option is not None and option.nargs is None else None
        elif self._verbs_here():
            self._enter(word)
        else:
            self._arguments += 1

    def next(self, typed: str) -> Next:
        return Next() if self._lost else self._next(typed)

    def _next(self, typed: str) -> Next:
        if self._value_of is not None:
            return self._values(self._value_of, typed)
        if self._is_option(typed):
            name, sign, value = typed.partition("=")
            if not sign:
                return Next([Candidate(*told) for told in _options_of(self._options().values())])
            option = self._options().get(name)
            found = self._values(option, value) if option is not None else Next()
            found.candidates = [Candidate(f"{name}={one.word}", one.note) for one in found.candidates]
            return found
        verbs = self._verbs_here()
        if verbs is not None:
            return Next([Candidate(one.dest, _note(one.help)) for one in verbs._choices_actions])
        arguments = [one for one in self._actions() if not one.option_strings]
        if not arguments or (self._arguments >= len(arguments) and arguments[-1].nargs not in ("*", "+")):
            return Next()
        return self._values(arguments[min(self._arguments, len(arguments) - 1)], typed)

    def _enter(self, word: str) -> None:
        from kullm_tui.commands.main import parser_of

        verbs = self._verbs_here()
        if verbs is not None and word in verbs.choices:
            self._parser = verbs.choices[word] if self._verbs else parser_of(word)
            self._verbs.append(word)
        else:
            self._lost = True

    def _actions(self) -> list[argparse.Action]:
        from kullm_tui.commands.main import parser_of

        return list((self._parser or parser_of(None))._actions)

    def _verbs_here(self) -> Any:
        from kullm_tui.commands.main import parser_of

        return (self._parser or parser_of(None)).verbs

    def _options(self) -> dict[str, argparse.Action]:
        return {name: one for one in self._actions() for name in one.option_strings}

    def _is_option(self, word: str) -> bool:
        return word.startswith("-") and not self._options_are_over

    def _values(self, action: argparse.Action, typed: str) -> Next:
        if action.choices is not None:
            return Next([Candidate(str(one)) for one in action.choices if one != "next"])
        names = _NAMES.get(f"{self._verbs[0]} {action.dest}" if self._verbs else "") or _NAMES.get(action.dest)
        shape = str(action.metavar or "")
        is_file = any(sign in shape for sign in ("FILE", "FOLDER", "DIR")) or action.dest in _ALSO_FILES
        if names is None:
            return Next(files=is_file)
        before = typed[: typed.rfind(",") + 1] if "," in shape else ""
        with suppress(KullmError):
            return Next([Candidate(f"{before}{one.word}", one.note) for one in names()], files=is_file)
        return Next(files=is_file)


def _options_of(actions: Iterable[argparse.Action]) -> Iterator[tuple[str, str]]:
    """The long form of each, once."""
    for action in dict.fromkeys(actions):
        if action.help != argparse.SUPPRESS:
            yield action.option_strings[-1], _note(action.help)


def _note(text: str | None) -> str:
    line = terminal_safe(" ".join((text or "").replace("%%", "%").split()))
    return fitted(line, _NOTE_WIDTH).rstrip()


def _models() -> Iterator[Candidate]:
    from kullm_tui.core.models.resolve import all_profiles

    for name, profile in all_profiles().items():
        yield Candidate(name, _note(profile.about))


def _adapters() -> Iterator[Candidate]:
    from kullm_tui.core.models.adapters import list_adapters

    for adapter in list_adapters():
        yield Candidate(adapter.name, adapter.base)


def _jobs() -> Iterator[Candidate]:
    from trainer.jobs.registry import known_jobs

    jobs = known_jobs()
    yield from (Candidate(one.name or one.id, one.machine) for one in reversed(jobs))
    if jobs:
        yield Candidate("last", jobs[-1].name)


def _machines() -> Iterator[Candidate]:
    from trainer.jobs.machines import known_machines

    yield from (Candidate(one.name, one.ssh) for one in known_machines())


def _recipes() -> Iterator[Candidate]:
    from trainer.recipe import shipped_recipes

    yield from map(Candidate, shipped_recipes())


def _mixtures() -> Iterator[Candidate]:
    from data.shelf import known_mixtures

    yield from (Candidate(one.name) for one in known_mixtures())


def _sources() -> Iterator[Candidate]:
    from data.sources.catalogue import sources

    yield from map(Candidate, sources())


def _sets() -> Iterator[Candidate]:
    from evaluator.question_fetch import PUBLIC_SETS

    yield from (Candidate(one.name) for one in PUBLIC_SETS)


def _rubrics() -> Iterator[Candidate]:
    from evaluator.rubric import shipped_rubrics

    yield from map(Candidate, shipped_rubrics())


def _keys() -> Iterator[Candidate]:
    from kullm_tui.core.config.keys import KNOWN_NAMES

    yield from map(Candidate, KNOWN_NAMES)


def _settings() -> Iterator[Candidate]:
    from kullm_tui.core.config.settings import Config

    yield from (Candidate(one.name) for one in fields(Config))


# By the argument's name, or by the verb and it.
_NAMES: dict[str, Callable[[], Iterable[Candidate]]] = {
    "model": _models,
    "models": _models,
    "learner": _models,
    "models name": _models,
    "adapter": _adapters,
    "adapters name": _adapters,
    "before": _adapters,
    "after": _adapters,
    "job": _jobs,
    "jobs": _jobs,
    "one": _jobs,
    "other": _jobs,
    "resume": _jobs,
    "on": _machines,
    "machine": _machines,
    "machines name": _machines,
    "recipe": _recipes,
    "mixture": _mixtures,
    "data source": _sources,
    "questions": _sets,
    "sets": _sets,
    "rubric": _rubrics,
    "keys name": _keys,
    "config key": _settings,
}
