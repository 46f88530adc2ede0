"""Whether placeholders still stand where they stood, by their neighbours: what translators do to placeholders is to lift them out of their
words and put them before or behind the sentence.

Order within a sentence is no fault: Korean puts the object before the verb. A placeholder is misplaced where it

    changed its sentence         as many sentences as before, and it stands in another one; or two sentences' placeholders changed places
    stands alone                 in a sentence of the translation without a word, though it had words beside it
    was put first                before the whole sentence, neither with a particle of its own nor with the word that it went with
    left its brackets            `(placeholder)` is no longer between a pair
    was closed before it opened  or nothing is left between <b> and </b>

Placeholders are single private characters here.
"""

import re
from collections.abc import Sequence

from data.masking.sentences import sentences
from data.masking.spans import FIRST_MARK, MARK

_OPENERS, _CLOSERS = "([{\"'“‘「『<«", ")]}\"'”’」』>»"
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][\w:.-]*)")
# Whoever follows a placeholder with one of these in English has it as an object or a name, so that in Korean a particle is glued to it.
_FUNCTION_WORDS = re.compile(
    "a|an|and|are|as|at|be|because|before|by|can|for|from|has|have|if|in|into|is|it|of|on|onto|or|so|than|that|the|then|this|to"
    "|using|via|was|were|when|where|which|while|will|with|you|your",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


def is_misplaced(source: str, target: str, literals: Sequence[str]) -> bool:
    """Both hold each placeholder's mark once; the literals are the placeholders' own words."""
    before, after = _sentences_of(source), _sentences_of(target)
    where, now = _places(before), _places(after)
    if _left_its_sentence(where, now, same_count=len(before) == len(after)):
        return True
    for mark, sentence in where.items():
        old, new = before[sentence], after[now[mark]]
        if _stands_alone(old, new) or _was_put_first(old, new, mark) or _left_its_brackets(source, target, mark):
            return True
    return _are_unpaired(source, target, literals)


def _sentences_of(text: str) -> list[str]:
    return list(sentences(text.strip()))


def _places(parts: Sequence[str]) -> dict[str, int]:
    return {mark: number for number, part in enumerate(parts) for mark in MARK.findall(part)}


def _left_its_sentence(where: dict[str, int], now: dict[str, int], *, same_count: bool) -> bool:
    if same_count:
        return where != now
    ordered = sorted(where, key=where.__getitem__)
    latest = -1  # sentence of the translation that a placeholder of an earlier sentence stands in
    for sentence in sorted(set(where.values())):
        places = [now[mark] for mark in ordered if where[mark] == sentence]
        if min(places) < latest:
            return True
        latest = max(places)
    return False


def _has_words(text: str) -> bool:
    return bool(_WORD.search(MARK.sub(" ", text)))


def _stands_alone(old: str, new: str) -> bool:
    return _has_words(old) and not _has_words(new)


def _was_put_first(old: str, new: str, mark: str) -> bool:
    if _has_words(new.partition(mark)[0]) or not _has_words(old.partition(mark)[0]):
        return False
    behind = new.partition(mark)[2]
    is_glued = bool(behind) and not behind[0].isspace() and not MARK.match(behind)
    if is_glued or not _has_words(behind):
        return False
    return not _goes_with_a_word(old.partition(mark)[2])


def _goes_with_a_word(behind: str) -> bool:
    """`the placeholder function`: the two stay together in any language."""
    if not behind[:1].isspace():
        return False
    word = _WORD.match(behind.lstrip())
    return word is not None and not _FUNCTION_WORDS.fullmatch(word[0])


def _left_its_brackets(source: str, target: str, mark: str) -> bool:
    return _is_between_brackets(source, mark) and not _is_between_brackets(target, mark)


def _is_between_brackets(text: str, mark: str) -> bool:
    before, _, behind = text.partition(mark)
    return bool(before and behind) and before[-1] in _OPENERS and behind[0] in _CLOSERS


def _are_unpaired(source: str, target: str, literals: Sequence[str]) -> bool:
    for opening, closing in _pairs(literals):
        begin, end = chr(FIRST_MARK + opening), chr(FIRST_MARK + closing)
        if target.index(begin) > target.index(end):
            return True
        inside = source[source.index(begin) : source.index(end)]
        if _has_words(inside) and not _has_words(target[target.index(begin) : target.index(end)]):
            return True
    return False


def _pairs(literals: Sequence[str]) -> list[tuple[int, int]]:
    """Of opening and closing tags, by their numbers."""
    found, opened = [], list[tuple[str, int]]()
    for number, literal in enumerate(literals):
        tag = _TAG_NAME.match(literal)
        if tag is None or literal.endswith("/>"):
            continue
        if not tag[1]:
            opened.append((tag[2].lower(), number))
        elif opened and opened[-1][0] == tag[2].lower():
            found.append((opened.pop()[1], number))
    return found
