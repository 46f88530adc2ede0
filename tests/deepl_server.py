"""DeepL's protocol over real HTTP, with its limits and every fault: the far side that costs money.

    POST /v2/translate      JSON or a form; at most 50 texts and 128 KiB; tags as strict XML (v2); charged by characters
    GET  /v2/usage          what was charged, of what
    /v2/glossaries          made, listed, read, deleted

What it was sent and what it charged is recorded. Words become Hangul of their own, everything else stays: the same text has one translation.
"""

import json
import math
import re
import threading
import time
import urllib.parse
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.etree import ElementTree

from tests.data.masking.texts import in_korean
from tests.openai_server import CUT, OpenAIServer, Part, Received, Reply

KEY = "0a1b2c3d-test-key"
FREE_KEY = f"{KEY}:fx"
Fault = Literal[
    "none", "503", "500", "413", "429", "429 and when", "456", "cut", "cut when paid", "few", "many", "lost tags", "moved tags", "moved words", "doubled tags",
    "equal", "empty", "no json", "another form", "slow",
]  # fmt: skip

ASKED_SECONDS = 0.2  # by a 429 that says when
_MOST_TEXTS, _MOST_BYTES = 50, 128 * 1024
_MOST_INSTRUCTIONS, _LONGEST_INSTRUCTION = 10, 300
_TAGS = re.compile(r"(<[^<>]+>)")
_ENTITIES = re.compile(r"(&\w+;|&#\w+;)")
_CODE = re.compile(r"(`[^`]*`)")
_X = re.compile(r"<x id=\"\d+\"/>")


@dataclass
class Limit:
    """`rate` a second run in, up to `size`; whoever finds less than what he takes is refused."""

    rate: float
    size: float
    says_when: bool = False
    level: float = field(init=False)
    seen: float = field(init=False)
    granted: float = 0.0

    def __post_init__(self) -> None:
        self.level, self.seen = self.size, time.monotonic()

    def take(self, amount: float) -> float | None:
        """None where it is granted; else after how many seconds it would be."""
        now = time.monotonic()
        self.level = min(self.size, self.level + self.rate * (now - self.seen))
        self.seen = now
        missing = min(amount, self.size) - self.level
        if missing > 0:
            return missing / self.rate
        self.level -= amount
        self.granted += amount
        return None


class DeepLServer(OpenAIServer):
    """Faults first, one for each call; then what was asked for, after `latency` seconds, as fast as the limits allow."""

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        *,
        latency: float = 0.0,
        calls: Limit | None = None,
        characters: Limit | None = None,
        quota: int | None = None,
        most_bytes: int = _MOST_BYTES,
        key: str = KEY,
        remembers: bool = True,
    ) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"
        self.faults = deque(faults)
        self.bad_words: set[str] = set()  # a text with one of these is refused with 400
        self.quota, self.key = quota, key
        self.charged: Counter[str] = Counter()  # how often each text was charged
        self.calls: list[Mapping[str, Any]] = []  # bodies of calls for translations, whatever came of them
        self.times: list[float] = []  # of these calls
        self.used = 0
        self.stalls_from = math.inf  # once so much was charged no call is answered, nor charged
        self.refusals = 0
        self.glossaries: dict[str, dict[str, Any]] = {}
        self._remembers = remembers  # or a long measure would hold all that was ever sent
        self._latency, self._limits, self._most_bytes = latency, (calls, characters), most_bytes
        self._sizes: deque[int] = deque()
        self._counting = threading.Lock()

    @property
    def texts(self) -> list[str]:
        """All that was ever sent, charged or not."""
        return [text for call in self.calls for text in call["text"]]

    @property
    def twice(self) -> int:
        """Texts that were charged more than once, each time more."""
        with self._counting:
            return sum(times - 1 for times in self.charged.values())

    def read(self, body: bytes, headers: Mapping[str, str]) -> Any:
        self._sizes.append(len(body))
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = urllib.parse.parse_qs(body.decode())
            return {
                name: values if name in ("text", "custom_instructions") else values[0] for name, values in form.items()
            }
        return json.loads(body) if body else {}

    def answer(self, request: Received) -> Reply:
        size = self._sizes.popleft()
        if request.headers.get("authorization") != f"DeepL-Auth-Key {self.key}":
            return _says(403, {"message": "Forbidden"})
        if request.path == "/v2/usage":
            limit = 1_000_000_000_000 if self.quota is None else self.quota
            return _says(200, {"character_count": self.used, "character_limit": limit})
        if request.path.startswith("/v2/glossaries"):
            return self._glossary(request)
        if request.path != "/v2/translate" or request.method != "POST":
            return _says(404, {"message": "Not found"})
        self.times.append(time.monotonic())
        if self._remembers:
            self.calls.append(request.body)
        else:
            self.requests.clear()
        return self._translate(request.body, size)

    # -- translations ----------------------------------------------------------------------------------------------------

    def _translate(self, body: Mapping[str, Any], size: int) -> Reply:
        fault = self.faults.popleft() if self.faults else None
        if fault and (failed := _failed(fault)):
            self.refusals += fault.startswith("429")
            return failed
        refused = self._refused(body, size)
        if refused:
            return refused
        for limit, amount in zip(self._limits, (1, _characters(body)), strict=True):
            if limit and (seconds := limit.take(amount)) is not None:
                self.refusals += 1
                return _says(429, {"message": "Too many requests"}, _when(seconds) if limit.says_when else {})
        if self.quota is not None and self.used + _characters(body) > self.quota:
            return _says(456, {"message": "Quota Exceeded"})
        stalls = self.used >= self.stalls_from
        if not stalls:
            self._charge(body["text"])
        parts: list[Part] = [600.0 if stalls else 10.0 if fault == "slow" else self._latency]
        if fault == "cut when paid":
            return Reply([*parts, '{"translations": [', CUT], 200, {}, "application/json")
        return Reply([*parts, json.dumps(self._found(body, fault), ensure_ascii=False)], 200, {}, "application/json")

    def _refused(self, body: Mapping[str, Any], size: int) -> Reply | None:
        texts, words = body.get("text"), body.get("custom_instructions") or []
        if size > self._most_bytes:
            return _says(413, {"message": "Request Entity Too Large"})
        fault = ""
        if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
            fault = "Parameter 'text' not specified."
        elif len(texts) > _MOST_TEXTS:
            fault = "Too many texts."
        elif body.get("target_lang") != "KO":
            fault = "Value for 'target_lang' not supported."
        elif len(words) > _MOST_INSTRUCTIONS or any(len(one) > _LONGEST_INSTRUCTION for one in words):
            fault = "Too many or too long 'custom_instructions'."
        elif body.get("glossary_id") and body["glossary_id"] not in self.glossaries:
            fault = "Invalid or missing glossary_id."
        elif any(word in one for word in self.bad_words for one in texts):
            fault = "Bad request."
        elif body.get("tag_handling") == "xml" and not all(map(_is_xml, texts)):
            fault = "Tag handling parsing failed, please check input."
        return _says(400, {"message": fault}) if fault else None

    def _charge(self, texts: Sequence[str]) -> None:
        with self._counting:
            self.charged.update(texts if self._remembers else [])
            self.used += sum(map(len, texts))

    def _found(self, body: Mapping[str, Any], fault: Fault | None) -> Any:
        if fault == "another form":
            return {"translations": [{"text": 1}]}
        terms = self.glossaries.get(str(body.get("glossary_id")), {}).get("terms", {})
        rows = [
            {
                "detected_source_language": "EN",
                "text": _changed(translation(text, body, terms), text, fault),
                "billed_characters": len(text),
                "model_type_used": "quality_optimized",
            }
            for text in body["text"]
        ]
        if fault == "few":
            rows.pop()
        elif fault == "many":
            rows.append(rows[-1])
        return {"translations": rows}

    # -- glossaries ------------------------------------------------------------------------------------------------------

    def _glossary(self, request: Received) -> Reply:
        number = request.path.removeprefix("/v2/glossaries").strip("/")
        if request.method == "POST":
            terms = dict(line.split("\t") for line in request.body["entries"].splitlines())
            made = f"glossary-{len(self.glossaries) + 1}"
            self.glossaries[made] = {
                "glossary_id": made,
                "name": request.body["name"],
                "ready": True,
                "source_lang": request.body["source_lang"].lower(),
                "target_lang": request.body["target_lang"].lower(),
                "creation_time": "2026-01-01T00:00:00.000000Z",
                "entry_count": len(terms),
                "terms": terms,
            }
            return _says(201, self.glossaries[made])
        if not number:
            return _says(200, {"glossaries": list(self.glossaries.values())})
        if number not in self.glossaries:
            return _says(404, {"message": "Not found"})
        if request.method == "DELETE":
            del self.glossaries[number]
            return Reply([""], 204, {}, "application/json")
        return _says(200, self.glossaries[number])


def _says(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply([json.dumps(body, ensure_ascii=False)], status, headers or {}, "application/json")


def _failed(fault: Fault) -> Reply | None:
    """What fails before anything is looked at, and charged."""
    if fault == "cut":
        return Reply([CUT])
    if fault == "no json":
        return Reply(["<html>"], 200, {}, "text/html")
    if fault == "429 and when":
        return _says(429, {"message": "Too many requests"}, _when(ASKED_SECONDS))
    return _says(int(fault), {"message": "as scripted"}) if fault.isdigit() else None


def _when(seconds: float) -> dict[str, str]:
    return {"retry-after": f"{seconds:.3f}"}


def _characters(body: Mapping[str, Any]) -> int:
    return sum(map(len, body["text"]))


def _is_xml(text: str) -> bool:
    try:
        ElementTree.fromstring(f"<root>{text}</root>")
    except ElementTree.ParseError:
        return False
    return True


def translation(text: str, body: Mapping[str, Any], terms: Mapping[str, str]) -> str:
    for term, korean in terms.items():
        text = text.replace(term, korean)
    if body.get("tag_handling") != "xml":
        return "".join(part if part[:1] == "`" else in_korean(part) for part in _CODE.split(text))
    parts = (
        part for around in _TAGS.split(text) for part in ([around] if around[:1] == "<" else _ENTITIES.split(around))
    )
    return "".join(part if part[:1] in ("<", "&") else in_korean(part) for part in parts)


def _changed(korean: str, source: str, fault: Fault | None) -> str:
    tags = "".join(_X.findall(korean))
    match fault:
        case "lost tags":
            korean = _X.sub("", korean)
        case "doubled tags":
            korean += tags
        case "moved tags":
            korean = tags + " " + _X.sub("", korean)
        case "moved words":
            korean = f"{_CODE.sub('', korean)}. {''.join(_CODE.findall(korean))}"
        case "equal":
            korean = source
        case "empty":
            korean = ""
    return korean
