"""What a study asks: a public set by its name, or a file of its own that is laid beside its stages, with the answers that are known.

cache/questions/demo-KEY.jsonl   the demo's, which take seconds to make, under what decides them
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data.demo import corpus
from data.sources.files import digest_of
from evaluator.questions import PUBLIC_SETS, PublicSet, load_questions
from kullm_tui.core import paths
from kullm_tui.core.files import publish
from kullm_tui.feedback import held_out
from kullm_tui.studies.study import Study

_FILE = "questions.jsonl"
_SHORT = 16


def public_set(study: Study) -> PublicSet | None:
    """Where all of one is asked; it is fetched when the first model is."""
    return next((one for one in PUBLIC_SETS if one.name == study.questions and not study.limit), None)


def asked_for(study: Study) -> str:
    """As `kullm eval run --set` takes it. What is no public set is written beside the study's stages, the same each time."""
    if public_set(study):
        return study.questions
    place = paths.study_dir(study.name) / _FILE
    text = _text(study)
    if not place.is_file() or place.read_text(encoding="utf-8") != text:
        publish(place, text, mode=0o600)
    return str(place)


def digest(study: Study) -> str:
    public = public_set(study)
    return public.sha256 if public else hashlib.sha256(_text(study).encode()).hexdigest()


def count(study: Study) -> int:
    public = public_set(study)
    return public.questions if public else _text(study).count("\n")


def _text(study: Study) -> str:
    if study.questions != held_out.DEMO:
        return _written(study)
    place = paths.private_dir(paths.cache_dir() / "questions") / f"demo-{_demo_key(study.limit)}.jsonl"
    if not place.is_file():
        publish(place, _written(study), mode=0o600)
    return place.read_text(encoding="utf-8")


def _demo_key(limit: int) -> str:
    made_from = digest_of([*corpus.made_from(), Path(held_out.__file__), Path(__file__)])
    return hashlib.sha256(f"{made_from} {limit}".encode()).hexdigest()[:_SHORT]


def _written(study: Study) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(study))


def _rows(study: Study) -> Iterator[Mapping[str, Any]]:
    if any(one.name == study.questions for one in PUBLIC_SETS):
        for one in load_questions(study.questions).questions[: study.limit]:
            yield {"id": one.id, "instruction": one.instruction, "input": one.input, "category": one.category}
        return
    named = study.questions if study.questions == held_out.DEMO else str(_file(study))
    held = held_out.held_out(named, limit=study.limit)
    for one in held.questions.questions:
        known = held.known.get(one.id)
        row = {"id": one.id, "instruction": one.instruction, "input": one.input, "category": one.category}
        row |= {"reference": one.reference} if one.reference else {}
        yield row | ({"accepted": known.accepted, "rejected": known.rejected} if known else {})


def _file(study: Study) -> Path:
    return paths.typed(study.questions)
