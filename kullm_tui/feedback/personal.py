"""What in a text may be of a person: names, phone and resident numbers, mail addresses, keys. It is flagged before the text leaves, never changed.

A pattern cannot know a person. It finds what is written as people write it, and flags a little too much rather than too little.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kullm_tui.core.redact import secrets_in

PersonalKind = Literal["name", "phone", "resident-number", "mail", "key"]

_SURNAMES = "김이박최정강조윤장임한오서신권황안송류유홍전고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모"
_TWO = "남궁|황보|제갈|사공|선우|독고|동방"
_NAME = f"(?:(?:{_TWO})[가-힣]{{1,2}}|[{_SURNAMES}][가-힣]{{2}})"
_TITLES = "씨|님|과장|대리|부장|차장|팀장|사원|주임|실장|원장|선생|교수|고객|변호사|의사|간호사"
_PARTICLES = "은|는|이|가|을|를|의|도|와|과|께|께서|께는|에게|한테|입니.|이에요|예요"
_PATTERNS: tuple[tuple[PersonalKind, re.Pattern[str]], ...] = (
    ("name", re.compile(rf"(?<![가-힣])({_NAME})(?=\s?(?:{_TITLES})님?(?:{_PARTICLES})?(?![가-힣]))")),
    ("name", re.compile(rf"(?:이름은|성함은|이름이|성명\s?[:：]|이름\s?[:：])\s*({_NAME})")),
    ("name", re.compile(rf"(?:저는|나는|제가)\s+({_NAME})(?=(?:이?라고|입니다|이에요|예요|이야))")),
    ("phone", re.compile(r"(?<![\d-])((?:\+82[-\s.]?|0)1[016-9][-\s.]?\d{3,4}[-\s.]?\d{4})(?![\d-])")),
    ("phone", re.compile(r"(?<![\d-])((?:\+82[-\s.]?|0)(?:2|[3-6]\d|70)[-\s.)]\s?\d{3,4}[-\s.]\d{4})(?![\d-])")),
    ("mail", re.compile(r"(?<![\w.+-])([\w.+-]+@[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)+)", re.ASCII)),
)
_RESIDENT = re.compile(r"(?<!\d)(\d{2})(\d{2})(\d{2})\s?[-–]?\s?[1-8]\d{6}(?!\d)")


@dataclass(frozen=True)
class Personal:
    kind: PersonalKind
    text: str


def personal_in(texts: Iterable[str]) -> tuple[Personal, ...]:
    """Each thing once, in the order in which it stands."""
    return tuple(dict.fromkeys(found for text in texts for found in (*_written_in(text), *_keys_in(text))))


@lru_cache(maxsize=4096)  # a question stands in several lessons
def _written_in(text: str) -> tuple[Personal, ...]:
    born = (  # it begins with a birthday
        Personal("resident-number", number[0])
        for number in _RESIDENT.finditer(text)
        if 1 <= int(number[2]) <= 12 and 1 <= int(number[3]) <= 31
    )
    named = (Personal(kind, found[1]) for kind, pattern in _PATTERNS for found in pattern.finditer(text))
    return (*born, *named)


def _keys_in(text: str) -> Iterator[Personal]:
    """Not remembered: this program may get to know another key."""
    return (Personal("key", secret) for secret in secrets_in(text))
