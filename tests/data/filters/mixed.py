"""Answers half translated and honest ones with code, names and units, made of real Korean and real English."""

import json
import random
import re
from collections.abc import Callable, Sequence

from data.row import Row
from tests.data.shared_rows import SharedFile, json_lines, pair, table

_HANGUL, _LATIN = re.compile("[가-힣]"), re.compile("[A-Za-z]")
_END = re.compile(r"(?<=[.!?])\s+")
_QUESTIONS = (
    "이것을 자세히 설명해 주세요.",
    "다음 질문에 답하세요.",
    "어떻게 하면 좋을까요?",
    "예를 들어 알려 주세요.",
)
_CODE = (
    "```python\nfor i in range(10):\n    print('the value of i is', i)\n```",
    "```sql\nSELECT name, age FROM users WHERE age > 20 AND name IS NOT NULL;\n```",
    "```js\nconst answer = await fetch('/api/what/you/want');\n```",
)
_INLINE = ("`git commit -m 'the first'`", "`DataFrame.groupby()`", "`pip install numpy`", "`while not done`")
_NAMES = (
    "MacBook Pro",
    "The New York Times",
    "University of California, Berkeley",
    "Stephen Hawking",
    "Visual Studio Code",
    "Harry Potter and the Philosopher's Stone",
    "NASA",
    "Convolutional Neural Network(CNN)",
    "state of the art",
)
_UNITS = ("100 km/h", "3.5 GHz", "16 GB RAM", "25 °C", "5 kg", "300 mL", "pH 7.4", "1,200 kcal")
_OTHERS = ("https://example.com/the/page/that/you/want", "$E = mc^2$", "\\(a^2 + b^2 = c^2\\)", "<b>강조</b>")


def korean_sentences(shared_file: SharedFile) -> list[str]:
    texts = [cells[1] for cells in list(table(shared_file("kobest/BoolQ.test.tsv")))[1:]]
    texts += [" ".join(cells[:2]) for cells in list(table(shared_file("kobest/HellaSwag.test.tsv")))[1:]]
    for one in json_lines(shared_file("komt/beomi-KoAlpaca-Polyglot-12.8B.jsonl")):
        texts.append(one["answer"])
    return [one for text in texts for one in _END.split(text) if len(_HANGUL.findall(one)) >= 15]


def english_sentences(shared_file: SharedFile) -> list[str]:
    rows = json.loads(shared_file("alpaca_gpt4/alpaca_en_demo.json").read_text(encoding="utf-8"))
    sentences = [one for row in rows for one in _END.split(row["output"]) if len(one.split()) >= 5 and "```" not in one]
    return [" ".join(one.split()) for one in sentences if len(_LATIN.findall(one)) > 0.7 * len(one)]


def half_translated(
    rng: random.Random, korean: Sequence[str], english: Sequence[str], pieces: Callable[[str], list[str]]
) -> tuple[Row, float]:
    """With the share of English letters in its answer, anywhere from 30 to 90 %."""
    wanted, said = rng.uniform(0.33, 0.87), list[str]()
    latin = hangul = 0
    while len(said) < 4 or latin + hangul < 200 or not 0.3 <= latin / (latin + hangul) <= 0.9:
        wants_english = latin < wanted * (latin + hangul + 1)
        piece = rng.choice(pieces(rng.choice(english if wants_english else korean)))
        said.append(piece)
        latin += len(_LATIN.findall(piece))
        hangul += len(_HANGUL.findall(piece))
    return pair(rng.choice(_QUESTIONS), " ".join(said)), latin / (latin + hangul)


def by_sentence(sentence: str) -> list[str]:
    return [sentence]


def by_clause(sentence: str) -> list[str]:
    """Four to eight words of English, half as many of Korean."""
    words = sentence.rstrip(".!?").split()
    size = 4 + len(words) % 5
    size = size // 2 if _HANGUL.search(sentence) else size
    clauses = [words[at : at + size] for at in range(0, len(words), size)]
    return [" ".join(clause) for clause in clauses if len(clause) == size] or [" ".join(words)]


def honest(rng: random.Random, korean: Sequence[str]) -> Row:
    """Three to six Korean sentences with two to five things that are not Korean."""
    said = rng.sample(korean, rng.randint(3, 6))
    for _ in range(rng.randint(2, 5)):
        at = rng.randrange(len(said))
        kind = rng.randrange(5)
        if kind == 0:
            said[at] += f"\n\n{rng.choice(_CODE)}\n\n"
        elif kind == 1:
            said[at] = f"{rng.choice(_INLINE)}을(를) 쓰면 됩니다. {said[at]}"
        elif kind == 2:
            said[at] = f"{rng.choice(_NAMES)}에 따르면 {said[at]}"
        elif kind == 3:
            said[at] += f" 값은 {rng.choice(_UNITS)}입니다."
        else:
            said[at] += f" {rng.choice(_OTHERS)}를 보세요."
    return pair(rng.choice(_QUESTIONS), " ".join(said))
