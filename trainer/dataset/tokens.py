"""The tokenised set of a recipe: made once, kept in the cache under the hash of all that went into it, mapped by every rank.

The folder is published whole, by a rename; one that does not hold together is made again. Old ones go when a new one finds too many.
"""

import errno
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import ConfigError, KullmError, NoSpace
from kullm_tui.core.language import say
from kullm_tui.core.paths import cache_dir, private_dir
from trainer.dataset.held_out import evaluation_rows, evaluation_source, training_rows
from trainer.dataset.labels import Example, Labelling, examples, labelling_of
from trainer.dataset.pairs import paired_examples
from trainer.dataset.sources import Rejection, Row, fingerprint
from trainer.dataset.token_room import DRAFT, FACTS, make_room
from trainer.dataset.token_set import PAIRS, TokenFacts, TokenSet
from trainer.recipe import DataChoice, Recipe

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TokenFacts", "TokenSet", "evaluation_set", "tokenised"]

Part = Literal["training", "evaluation"]
Progress = Callable[[int], object]  # rows read so far

_FORM = 1  # of the files and of the rules that made them
_CHUNK_ROWS = 1024
_NARROW = 2**16
_HISTOGRAM_STEP = 32
_SAID_REJECTIONS = 3
# Above this share of unreadable rows the file is not what its reader takes it for.
_MOST_UNREADABLE = 0.1
_UNREADABLE = ("unreadable", "columns", "form")


def tokenised(
    recipe: Recipe, tokenizer_folder: Path, progress: Progress | None = None, *, part: Part = "training"
) -> TokenSet:
    """The recipe's examples, from the cache where they are there."""
    how = labelling_of(recipe, tokenizer_folder)
    folder = private_dir(cache_dir() / "tokens") / _key(recipe.data, tokenizer_folder, how, part)
    return _opened(folder) or _made(folder, recipe.data, how, part, progress)


def cached(recipe: Recipe, tokenizer_folder: Path) -> TokenSet | None:
    """The recipe's examples if they were made before."""
    how = labelling_of(recipe, tokenizer_folder)
    return _opened(private_dir(cache_dir() / "tokens") / _key(recipe.data, tokenizer_folder, how, "training"))


def evaluation_set(recipe: Recipe, tokenizer_folder: Path, progress: Progress | None = None) -> TokenSet | None:
    """The held-out examples; None where the recipe evaluates nothing."""
    return tokenised(recipe, tokenizer_folder, progress, part="evaluation") if recipe.data.evaluate else None


def _key(data: DataChoice, tokenizer_folder: Path, how: Labelling, part: Part) -> str:
    source = evaluation_source(data) if part == "evaluation" else data
    own_file = isinstance(data.evaluate, str)
    parts = {
        "form": _FORM,
        "part": part,
        "content": fingerprint(source),
        "split": source.split,
        "columns": dict(data.columns),
        "limit": source.limit,
        "held_out": None if own_file else data.evaluate,
        "tokenizer": hashlib.sha256((tokenizer_folder / "tokenizer.json").read_bytes()).hexdigest(),
        "template": how.wording,
        "special": [how.eos, how.bos, sorted(how.prompting.special.eos)],
        "cutoff": how.cutoff,
        "loss": how.loss,
        **({"unpaired": how.unpaired} if how.pairs else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _opened(folder: Path) -> TokenSet | None:
    """None where there is none, or none that holds together."""
    if not folder.is_dir():
        return None
    try:
        return TokenSet(folder)
    except (OSError, ValueError, TypeError, IndexError):
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _made(folder: Path, data: DataChoice, how: Labelling, part: Part, progress: Progress | None) -> TokenSet:
    rows = (
        evaluation_rows(data, by_prompt=how.pairs) if part == "evaluation" else training_rows(data, by_prompt=how.pairs)
    )
    writing = _Writing(narrow=how.tokenizer.get_vocab_size() <= _NARROW)
    for chunk in _chunks(rows):
        writing.add(_labelled(chunk, how))
        if progress:
            progress(writing.rows)
    writing.require_usable((evaluation_source(data) if part == "evaluation" else data).named, part)
    if how.pairs and part == "training":
        writing.require_pairs(data.named)
    with _disk_faults(folder):
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=DRAFT))
        try:
            writing.save(draft)
            _publish(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        make_room(folder.parent, keep=folder)
    return TokenSet(folder)


def _chunks(rows: Iterator[Row | Rejection]) -> Iterator[list[Row | Rejection]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk


def _labelled(chunk: Iterable[Row | Rejection], how: Labelling) -> Iterator[Example | Rejection]:
    chunk = list(chunk)
    make = paired_examples if how.pairs else examples
    made = iter(make([row for row in chunk if isinstance(row, Row)], how))
    return (row if isinstance(row, Rejection) else next(made) for row in chunk)


class _Writing:
    """A set that grows, example by example."""

    def __init__(self, *, narrow: bool) -> None:
        self._narrow = narrow
        self._ids: list[npt.NDArray[Any]] = []
        self._trained: list[npt.NDArray[Any]] = []
        self._lengths: list[int] = []
        self._numbers: list[int] = []
        self._rejected_at: list[int] = []
        self._rejected: list[Rejection] = []
        self.rows = 0

    def add(self, made: Iterable[Example | Rejection]) -> None:
        import numpy

        ids: list[int] = []
        trained: list[bool] = []
        for one in made:
            self.rows += 1
            if isinstance(one, Rejection):
                self._rejected.append(one)
                continue
            ids += one.ids
            trained += one.trained
            self._lengths.append(len(one.ids))
            self._numbers.append(-int(one.row) if one.cut else int(one.row))
            self._rejected_at.append(one.rejected_at)
        self._ids.append(numpy.array(ids, dtype=numpy.uint16 if self._narrow else numpy.uint32))
        self._trained.append(numpy.array(trained, dtype=numpy.uint8))

    def require_usable(self, source: str, part: Part) -> None:
        unreadable = [one for one in self._rejected if one.reason in _UNREADABLE]
        if self._lengths and len(unreadable) <= max(1, _MOST_UNREADABLE * self.rows):
            return
        shown = unreadable if self._lengths else self._rejected
        listed = "\n".join(
            say(f"  {one.number}번째 행: {one.detail}", f"  row {one.number}: {one.detail}")
            for one in shown[:_SAID_REJECTIONS]
        )
        if not self.rows and part == "evaluation":
            raise ConfigError(
                say(
                    f"{source}에서 평가용으로 떼어 둔 행이 없어요. data.evaluate를 늘려 주세요.",
                    f"No row of {source} is held out. Raise data.evaluate.",
                )
            )
        count = len(shown)
        raise ConfigError(
            say(
                f"{source}: 읽은 {self.rows:,}행 중 {count:,}행을 학습에 쓸 수 없어 멈췄어요.\n{listed}\n"
                "파일이나 data.columns, data.cutoff를 고쳐 주세요.",
                f"{source}: {count:,} of the {self.rows:,} rows read cannot be trained, so nothing was started.\n{listed}\n"
                "Correct the file, data.columns or data.cutoff.",
            )
        )

    def require_pairs(self, source: str) -> None:
        if not any(self._rejected_at):
            raise ConfigError(
                say(
                    f'{source}에 선호 쌍이 없어요. train.kind = "dpo"는 prompt, chosen, rejected가 있는 행에서 배워요.',
                    f'{source} holds no preference pair. train.kind = "dpo" learns from rows with prompt, chosen and rejected.',
                )
            )

    def facts(self) -> TokenFacts:
        histogram = Counter((length // _HISTOGRAM_STEP + 1) * _HISTOGRAM_STEP for length in self._lengths)
        tokens = sum(self._lengths)
        return TokenFacts(
            rows=self.rows,
            examples=len(self._lengths),
            tokens=tokens,
            trained_tokens=sum(int(chunk.sum()) for chunk in self._trained),
            cut=sum(number < 0 for number in self._numbers),
            rejected=dict(Counter(one.reason for one in self._rejected)),
            mean=tokens / max(1, len(self._lengths)),
            longest=max(self._lengths, default=0),
            histogram={str(length): histogram[length] for length in sorted(histogram)},
            pairs=sum(map(bool, self._rejected_at)),
        )

    def save(self, folder: Path) -> None:
        import numpy

        numpy.save(folder / "ids.npy", numpy.concatenate(self._ids))
        numpy.save(folder / "trained.npy", numpy.concatenate(self._trained))
        numpy.save(folder / "offsets.npy", numpy.cumsum([0, *self._lengths], dtype=numpy.int64))
        numpy.save(folder / "rows.npy", numpy.array(self._numbers, dtype=numpy.int64))
        if any(self._rejected_at):
            numpy.save(folder / PAIRS, numpy.array(self._rejected_at, dtype=numpy.int64))
        lines = [json.dumps(asdict(one), ensure_ascii=True) + "\n" for one in self._rejected]
        (folder / "rejected.jsonl").write_text("".join(lines), encoding="utf-8")
        (folder / FACTS).write_text(json.dumps(asdict(self.facts()), indent=1), encoding="utf-8")


def _publish(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        # someone else made the same set meanwhile


@contextmanager
def _disk_faults(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _translated(error, folder) from error


def _translated(error: OSError, folder: Path) -> KullmError:
    reason = cause_of(error)
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 토큰을 저장하지 못했어요: {folder}\n공간을 비우고 다시 해 보세요.",
                f"the disk is full: the tokens were not stored in {folder}. Free some space and try again.",
            )
        )
    return ConfigError(
        say(
            f"토큰을 저장하지 못했어요({reason}): {folder}\n권한을 확인하거나, KULLM_HOME으로 다른 폴더를 정하세요.",
            f"the tokens could not be stored ({reason}): {folder}\nSee who may write there, or choose another with KULLM_HOME.",
        )
    )
