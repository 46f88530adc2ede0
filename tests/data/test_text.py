"""What steps and reasons are called."""

import ast
import re
from pathlib import Path

import data
from data.text import _REASONS, reason_text

_CODE = re.compile(r"[a-z]+(-[a-z]+)+")
# Hyphened words that are no reasons: names of forms, sources, sets, licences' classes, steps.
_OTHERS = {
    *("near-duplicates", "no-sevens", "human-eval-ko", "human-eval-en", "flan-cot", "natural-instructions", "oasst-ko"),
    *(
        "demo-koalpaca",
        "demo-kovicuna",
        "self-instruct",
        "sharegpt-conversations",
        "share-alike",
        "non-commercial",
        "deepl-free",
        "non-commercially",
    ),
}


def test_every_reason_of_the_code_has_words_in_both_languages() -> None:
    """Every hyphened word of the package is a reason, or one of the few that are something else."""
    said: set[str] = set()
    for path in Path(data.__file__).parent.rglob("*.py"):
        if "demo" not in path.parts:
            constants = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            said |= {one.value for one in constants if isinstance(one.value, str) and _CODE.fullmatch(one.value)}
    assert said - _OTHERS - set(_REASONS) == set()
    assert all(korean and english for korean, english in _REASONS.values())


def test_a_reason_without_words_stands_as_it_is() -> None:
    assert reason_text("of-somebody-else") == "of-somebody-else"
