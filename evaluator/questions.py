"""Question sets: the paper's 252, Vicuna-80, or the user's own JSON lines. Public ones are fetched once and kept in the cache.

    KULLM's form     {id, instruction, instances: [{input, output}]}
    FastChat's form  {question_id, category, turns: [text]}
    plain            {id, instruction, input}
    text             one question a line

A gold output is kept only to recognise it where somebody offers it as a model's answer.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import rules
from kullm_tui.core.consent import is_outside
from kullm_tui.core.errors import KullmError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.paths import cache_dir, private_dir
from kullm_tui.core.text import nfc

_FETCH_SECONDS = 60.0
_LARGEST_SET = 50_000_000
_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class PublicSet:
    name: str
    url: str
    licence: str
    questions: int


PUBLIC_SETS = (
    PublicSet(
        "human-eval-ko",
        "https://raw.githubusercontent.com/nlpai-lab/KULLM/kullm_v2/data/user_oriented_instructions_eval.jsonl",
        "Apache-2.0",
        252,
    ),
    PublicSet(
        "vicuna-80",
        "https://raw.githubusercontent.com/lm-sys/FastChat/main/fastchat/llm_judge/data/vicuna_bench/question.jsonl",
        "Apache-2.0",
        80,
    ),
)


class BadQuestions(KullmError):
    pass


@dataclass(frozen=True)
class Question:
    id: str
    instruction: str
    input: str = ""
    gold: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps([self.instruction, self.input], ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class QuestionSet:
    name: str
    questions: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256("".join(sorted(one.sha256 for one in self.questions)).encode()).hexdigest()


def load_questions(name: str, *, source: str = "") -> QuestionSet:
    """A public set by its name, fetched if it is not in the cache, or a file. `source` is a mirror of the public one."""
    public = next((one for one in PUBLIC_SETS if one.name == name), None)
    if public:
        found = parse_questions(_fetched(public, source), name)
        if len(found.questions) != public.questions:
            _cached(public).unlink(missing_ok=True)
            raise BadQuestions(
                say(
                    f"{name}: {public.questions}개여야 하는데 {len(found.questions)}개입니다. 다시 받거나 파일로 주세요.",
                    f"{name} should hold {public.questions} questions and holds {len(found.questions)}. Fetch it again or give a file.",
                )
            )
        return found
    path = Path(name).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        listed = ", ".join(one.name for one in PUBLIC_SETS)
        raise BadQuestions(
            say(
                f"질문 파일을 읽을 수 없습니다: {name}({error}). 있는 것: {listed}, 또는 .jsonl 파일.",
                f"the questions {name} cannot be read ({error}). There are {listed}; or give a .jsonl file.",
            )
        ) from error
    if path.suffix.lower() in (".json", ".jsonl") or text.lstrip().startswith("{"):
        return parse_questions(text, path.stem)
    return _of_lines(text, path.stem)


def _of_lines(text: str, name: str) -> QuestionSet:
    lines = ((number, nfc(line).strip()) for number, line in enumerate(text.split("\n"), start=1))
    questions = tuple(Question(str(number), line) for number, line in lines if line)
    if not questions:
        raise BadQuestions(f"{name}: {say('질문이 없습니다', 'there are no questions')}")
    return QuestionSet(name, questions)


def is_at_hand(public: PublicSet) -> bool:
    """Whether it was fetched already."""
    return _cached(public).exists()


def parse_questions(text: str, name: str) -> QuestionSet:
    questions: list[Question] = []
    faults: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            questions.append(_question(json.loads(line), number))
        except (ValueError, KeyError, TypeError, LookupError, AttributeError) as error:
            faults.append(say(f"{number}행: {error!r}", f"line {number}: {error!r}"))
    twice = [one for one, times in Counter(one.id for one in questions).items() if times > 1]
    faults += [say(f"id {one}: 두 번 나옵니다", f"id {one} occurs twice") for one in twice]
    if faults or not questions:
        listed = "\n".join(faults[:_FAULTS_SHOWN]) or say("질문이 없습니다", "there are no questions")
        raise BadQuestions(f"{name}: {listed}")
    return QuestionSet(name, tuple(questions))


def _question(row: Mapping[str, Any], number: int) -> Question:
    if "turns" in row:
        return Question(str(row["question_id"]), _text(row["turns"][0]))
    instance = row["instances"][0] if "instances" in row else row
    gold = instance.get("output", "")
    return Question(
        str(row.get("id", number)),
        _text(row["instruction"]),
        _text(instance.get("input") or ""),
        _text(gold) if isinstance(gold, str) else "",
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(say("글이 아닙니다", "not text"))
    return nfc(value)


def _fetched(public: PublicSet, source: str) -> str:
    path = _cached(public)
    if not path.exists():
        publish(path, _downloaded(source or public.url), mode=0o600)
    return path.read_text(encoding="utf-8")


def _cached(public: PublicSet) -> Path:
    return private_dir(cache_dir() / "questions") / f"{public.name}.jsonl"


def _downloaded(url: str) -> str:
    import httpx2

    try:
        rules.web_address(url)
        answer = httpx2.get(url, timeout=_FETCH_SECONDS, follow_redirects=True, trust_env=is_outside(url))
        answer.raise_for_status()
        if len(answer.content) > _LARGEST_SET:
            raise ValueError(say("너무 큽니다", "too large"))
        return answer.content.decode("utf-8-sig")
    except (httpx2.HTTPError, ValueError, rules.Fault) as error:
        raise KullmError(
            say(
                f"질문을 내려받지 못했습니다({error}): {url}\n네트워크를 확인하거나, 받아 둔 파일을 --set 파일.jsonl로 주세요.",
                f"the questions were not fetched ({error}): {url}\nCheck the network, or give a file with --set FILE.jsonl.",
            )
        ) from error
