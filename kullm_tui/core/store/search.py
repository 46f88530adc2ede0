"""Finding messages and titles by what one types in Korean.

Three letters of Hangul or more are looked up in a trigram index over decomposed text; the index has no positions, so what
it proposes is read again. Fewer (수, 이, ㅅ) are found by reading the composed text. A query is words that must all
occur; nothing in it is ever obeyed as syntax.
"""

import itertools
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kullm_tui.core.store.database import Database
from kullm_tui.core.store.excerpt import excerpt
from kullm_tui.core.store.hangul_syllables import (
    initial_range,
    next_syllable_form,
    open_syllable_range,
    trailing_consonant,
)
from kullm_tui.core.store.history import LISTED, Conversation, Hit, conversation
from kullm_tui.core.text import nfd, storable

_GRAM = 3
_LONGEST_QUERY = 300
_MOST_GRAMS_OF_A_WORD = 12
_MOST_HITS_OF_A_CONVERSATION = 3
_STEPS_BETWEEN_LOOKS = 20_000


@dataclass(frozen=True)
class _Needle:
    """One form of a word. Short ones may end in any syllable of a range: 수ㄷ, and 수 while 숲 is being typed."""

    composed: str
    decomposed: str
    ending: tuple[str, str] | None = None
    closed: tuple[str, ...] = ()  # the forms with a final, where only those are looked for

    @property
    def is_indexed(self) -> bool:
        return not self.closed and len(self.decomposed) >= _GRAM

    @property
    def looked_up(self) -> tuple[str, ...]:
        """What the index is asked for; nothing where it has no answer."""
        return self.closed or ((self.decomposed,) if self.is_indexed else ())


_Word = Sequence[_Needle]  # any of these forms will do


class Searches:
    """The searches of one store. A new one ends those that are still running: it is typed faster than found."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = itertools.count(1)
        self._newest = 0

    def find(self, query: str, *, limit: int) -> list[Hit]:
        number = self._newest = next(self._numbers)
        words = storable(query)[:_LONGEST_QUERY].split()
        if not words or limit < 1:
            return []
        with self._database.reading() as connection:
            connection.set_progress_handler(lambda: self._newest != number, _STEPS_BETWEEN_LOOKS)
            try:
                # The last word may be unfinished. Only where nothing has it as it stands, what it could become counts.
                exact = _found(connection, [_forms(word) for word in words], limit)
                return exact or _found(connection, [*map(_forms, words[:-1]), _unfinished(words[-1])], limit)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                return []
            finally:
                connection.set_progress_handler(None, 0)


def _forms(word: str) -> _Word:
    """The word as it is; behind a syllable, a lone consonant at its end also begins the next one."""
    forms = [_literal(word)]
    consonant = trailing_consonant(word)
    if consonant:
        head = word[:-1]
        forms.append(_Needle(head, nfd(head).lower() + consonant, initial_range(consonant)))
    return forms


def _unfinished(word: str) -> _Word:
    """숟 on the way to 수도, 값 to 갑시다, and 수 to 숲."""
    moved = next_syllable_form(word)
    if moved:
        head, consonant = moved
        return [_Needle(head, nfd(head).lower() + consonant, initial_range(consonant))]
    ending = open_syllable_range(word)
    if ending:
        head, (opened, last) = word[:-1], ending
        closed = tuple(nfd(head + chr(code)).lower() for code in range(ord(opened) + 1, ord(last) + 1))
        return [_Needle(head, nfd(word).lower(), ending, closed)]
    return []


def _literal(word: str) -> _Needle:
    return _Needle(word, nfd(word).lower())


def _found(connection: sqlite3.Connection, words: Sequence[_Word], limit: int) -> list[Hit]:
    if not all(words):
        return []
    conversations: dict[int, Conversation] = {}
    hits: list[Hit] = []
    for is_title in (True, False):
        seen: Counter[int] = Counter()
        for conversation_id, message_id, text in _rows(connection, words, is_title=is_title):
            seen[conversation_id] += 1
            if seen[conversation_id] > _MOST_HITS_OF_A_CONVERSATION:
                continue
            if conversation_id not in conversations:
                conversations[conversation_id] = conversation(connection, conversation_id)
            hits.append(_hit(conversations[conversation_id], message_id, text, words))
            if len(hits) == limit:
                return hits
    return hits


def _rows(
    connection: sqlite3.Connection, words: Sequence[_Word], *, is_title: bool
) -> Iterator[tuple[int, int | None, str]]:
    """Newest first, one by one: whoever has enough stops the search."""
    columns = ("title", "''") if is_title else ("content", "input")
    index, table, order = (
        ("title_words", "conversations one", "recency DESC, one.id DESC")
        if is_title
        else ("message_words", "messages", "messages.id DESC")
    )
    clauses, values = zip(*(_clause(word, *columns) for word in words), strict=True)
    wanted = [f"{table.split()[-1]}.id", *columns] if is_title else ["messages.id", *columns, "conversation_id"]
    grams = _index_query(words)
    source = f"{index} CROSS JOIN {table} ON {table.split()[-1]}.id = {index}.rowid" if grams else table
    if not is_title:
        source += " CROSS JOIN conversations one ON one.id = conversation_id"
        clauses = (*clauses, "role <> 'system'")
        order = "message_words.rowid DESC" if grams else order
    matching = f"{index} MATCH ? AND " if grams else ""
    rows = connection.execute(
        f"SELECT {', '.join(wanted)} FROM {source} WHERE {matching}{' AND '.join(clauses)} AND {LISTED}"
        f" ORDER BY {order}",
        ([grams] if grams else []) + list(itertools.chain(*values)),
    )
    for identity, text, more, *rest in rows:
        yield (rest[0] if rest else identity), (identity if rest else None), f"{text}\n{more}" if more else text


def _index_query(words: Sequence[_Word]) -> str:
    """In the index's language, every piece quoted; empty where it has nothing to propose."""
    asked = [
        " OR ".join(f"({_grams(text)})" for needle in word for text in needle.looked_up)
        for word in words
        if all(needle.looked_up for needle in word)
    ]
    return " AND ".join(f"({word})" for word in asked)


def _grams(text: str) -> str:
    last = len(text) - _GRAM
    step = max(1, -(-last // _MOST_GRAMS_OF_A_WORD))
    pieces = (text[place : place + _GRAM].replace('"', '""') for place in sorted({*range(0, last, step), last}))
    return " AND ".join(f'"{piece}"' for piece in pieces)


def _clause(word: _Word, content: str, more: str) -> tuple[str, list[str]]:
    """What a row must fulfil to hold the word, for `WHERE`."""
    clauses, values = [], []
    for needle in word:
        if needle.is_indexed:
            clauses.append(f"instr(decomposed({content}, {more}), ?)")
            values.append(needle.decomposed)
            continue
        test, value = _short_test(needle)
        clauses.append(f"({test.format(content)} OR {test.format(more)})")
        values += [value, value]
    return f"({' OR '.join(clauses)})", values


def _short_test(needle: _Needle) -> tuple[str, str]:
    if needle.ending:
        head = re.sub(r"([*?\[])", r"[\1]", needle.composed)
        return "{} GLOB ?", f"*{head}[{needle.ending[0]}-{needle.ending[1]}]*"
    if needle.composed.lower() != needle.composed.upper():
        # SQLite's LIKE knows upper and lower case of a to z
        escaped = re.sub(r"([%_\\])", r"\\\1", needle.composed)
        return "{} LIKE ? ESCAPE '\\'", f"%{escaped}%"
    return "instr({}, ?)", needle.composed


def _hit(owner: Conversation, message_id: int | None, text: str, words: Sequence[_Word]) -> Hit:
    start, end = _place(text, words[0])
    return Hit(owner, message_id, *excerpt(text, start, end, is_markdown=message_id is not None))


def _place(text: str, word: _Word) -> tuple[int, int]:
    """Where the word stands first: as it is, else in the middle of syllables."""
    literal = word[0].composed.lower()
    start = -1 if word[0].ending or len(text.lower()) != len(text) else text.lower().find(literal)
    return (start, start + len(literal)) if start >= 0 else _place_among_letters(text, word)


def _place_among_letters(text: str, word: _Word) -> tuple[int, int]:
    whole = nfd(text)
    folded = whole.lower()
    if len(folded) != len(whole):  # one letter became two, so places would move
        folded = whole
    needles = [needle.decomposed for needle in word]
    places = [(folded.find(needle), needle) for needle in needles if needle in folded]
    if not places:
        return 0, 0
    start, needle = min(places)
    return len(storable(whole[:start])), len(storable(whole[: start + len(needle)]))
