"""A judge for the app's tests: a real server, its verdicts with reasons, and what was bought from it before."""

import json
from collections.abc import Mapping

from evaluator.judge import Judge
from evaluator.judge_table import judge_parameters
from evaluator.judging import verdict_of
from evaluator.rubric import load_rubric
from evaluator.verdict import Item, JudgeReply, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.chat_client import Endpoint
from tests.evaluator.judge_server import FORM_SCORES

REASON = "질문에 직접 답했고 문장이 자연스럽습니다."
NEWEST = "gpt-4.1-2025-04-14"


def reasoned(reason: str = REASON, **scores: int) -> str:
    """What a strict judge says; `품질=5` changes one score."""
    named = {name: scores.get(short, FORM_SCORES[name]) for name, short in SHORT.items()}
    return json.dumps({"근거": reason, **named}, ensure_ascii=False)


SHORT: Mapping[str, str] = {
    "이해 가능성": "이해",
    "자연스러움": "자연",
    "맥락 유지": "맥락",
    "흥미롭기": "흥미",
    "지시어 사용": "지시",
    "전반적인 품질": "품질",
}


def bought(
    store: VerdictStore,
    item: Item,
    text: str,
    *,
    model: str = "gpt-4.1",
    repeat: int = 0,
    rubric: str = "kullm-2023-ko",
    **reply: str,
) -> Verdict:
    """A reply of that judge's, kept as if it had been paid for."""
    by = Judge(Endpoint("openai", "https://api.openai.com/v1"), model, "strict", judge_parameters(model))
    criteria, said = load_rubric(rubric), JudgeReply(text, prompt_tokens=812, completion_tokens=120, **reply)
    key = by.key(criteria, item, repeat)
    store.keep(key, said, judge=by, rubric=criteria, item=item, repeat=repeat, cost=0.0026)
    return verdict_of(item, said, 0.0026, judge=by, rubric=criteria, kept=True)
