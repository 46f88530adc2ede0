"""Every command of the guides, typed in their order into a real shell in an empty home.

What is changed before it is typed stands in `_CHANGED`, with the reason; what is other people's is in `_OTHERS`.
"""

import re
from pathlib import Path

import pytest

from tests.guides.pages import NAMES, commands, page
from tests.guides.world import stays, world

_OTHERS = ("pip", "make", "export", "ssh", "ollama")
_CHANGED = (
    # A training for three minutes learns nothing that one for some seconds does not show.
    (re.compile(r"^kullm train demo-kullm (?!.*--plan)"), "--set train.minutes=0.3"),
    # What needs four cards, or an hour, is tried as far as its plan; tests/journeys/test_paper.py goes all the way.
    (re.compile(r"^kullm train kullm-paper-12.8b .*--detach"), "--plan"),
    (re.compile(r"^kullm paper --scale demo$"), "--plan"),
)


def _typed(command: str) -> str:
    line, _, rest = command.partition("\n")
    bare = re.sub(r"\s+# .*$", "", line)
    for pattern, more in _CHANGED:
        if pattern.match(bare):
            bare += f" {more}"
    return bare + (f"\n{rest}" if rest else "")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_a_guide_works_as_written(tmp_path: Path, name: str) -> None:
    with world(tmp_path) as there:
        for command in commands(page("ko", name)):
            if command.split()[0] in _OTHERS:
                continue
            code, shown = there.run(_typed(command))
            print(f"$ {_typed(command)}\n{shown}")
            assert code in ((0, 130) if stays(command) else (0,)), f"{command}\n{shown}"
            assert "Traceback" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_give_the_same_commands(name: str) -> None:
    korean, english = ([_bare(one) for one in commands(page(language, name))] for language in ("ko", "en"))
    assert english == korean


def _bare(command: str) -> list[str]:
    """Without what is said to the reader, and without the words of the questions."""
    line = re.sub(r"\s+# .*$", "", command.partition("\n")[0])
    return re.sub(r"'끝'|'END'", "", re.sub(r"\"[^\"]*\"", '"…"', line)).split()
