"""What a notebook would write for the same steps: `datasets.map` and `filter` over functions of one row, each library as its page shows it."""

import html
import re
from pathlib import Path
from typing import Any

_TAG, _HANGUL, _LATIN = re.compile("<[^>]+>"), re.compile("[가-힣]"), re.compile("[A-Za-z]")


def notebook(path: Path, held_out: tuple[str, ...], processes: int) -> int:
    """How many rows are left."""
    import datasets

    datasets.disable_progress_bars()
    datasets.disable_caching()
    rows = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))
    rows = rows.map(_clean, num_proc=processes)
    held = tuple(_squeezed(text) for text in held_out)
    rows = rows.filter(_is_honest, num_proc=processes, fn_kwargs={"held": held})
    rows = rows.filter(_is_korean, num_proc=processes)
    rows = rows.filter(_is_translated, num_proc=processes)
    rows = rows.map(_with_signature, num_proc=processes)
    return _without_copies(rows)


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    for message in (*row["messages"], *row["original"]):
        message["content"] = html.unescape(_TAG.sub("", message["content"]))
    return row


def _squeezed(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


def _is_honest(row: dict[str, Any], held: tuple[str, ...]) -> bool:
    text = _squeezed(" ".join(one["content"] for one in row["original"]))
    return not any(one in text for one in held)


def _is_korean(row: dict[str, Any]) -> bool:
    import langid

    text = "\n".join(one["content"] for one in row["messages"])
    return len(text) >= 10 and bool(langid.classify(text)[0] == "ko")


def _is_translated(row: dict[str, Any]) -> bool:
    answer = row["messages"][-1]["content"]
    hangul, latin = len(_HANGUL.findall(answer)), len(_LATIN.findall(answer))
    return hangul >= 0.3 * (hangul + latin) and not any(map(_is_english, re.split(r"[.!?\n]", answer)))


_detector: Any = None


def _is_english(sentence: str) -> bool:
    global _detector  # as the notebook would
    from lingua import Language, LanguageDetectorBuilder

    if _detector is None:
        _detector = LanguageDetectorBuilder.from_languages(Language.KOREAN, Language.ENGLISH).build()
    return len(sentence) > 40 and _detector.detect_language_of(sentence) == Language.ENGLISH


def _with_signature(row: dict[str, Any]) -> dict[str, Any]:
    from datasketch import MinHash

    text = _squeezed(" ".join(one["content"] for one in row["messages"]))
    sketch = MinHash(num_perm=128)
    sketch.update_batch([text[at : at + 5].encode() for at in range(max(1, len(text) - 4))])
    return {"signature": sketch.hashvalues.tolist()}


def _without_copies(rows: Any) -> int:
    from datasketch import MinHash, MinHashLSH

    index, kept = MinHashLSH(threshold=0.8, num_perm=128), 0
    for row in rows:
        sketch = MinHash(hashvalues=row["signature"], scheme="affine32")
        if not index.query(sketch):
            index.insert(kept, sketch)
            kept += 1
    return kept
