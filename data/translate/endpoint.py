"""Another translator: any endpoint that speaks OpenAI's protocol, be it a model on this machine. Chosen by name, and never in DeepL's place.

It is asked for JSON and every part of the answer is checked: as many translations as texts, all of them text. Its price is its model's.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data.masking.unit import Form
from data.translate.style import Wording
from data.translate.translator import (
    Answer,
    CallFault,
    NotInThisForm,
    NotNow,
    Quota,
    QuotaSpent,
    SlowDown,
    TooMuchAtOnce,
    TranslatorRefused,
    WrongCount,
)
from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.client import configured_endpoint
from kullm_tui.core.endpoints.endpoint import Endpoint, is_outside
from kullm_tui.core.endpoints.errors import TooMuch, translated
from kullm_tui.core.endpoints.sdk import open_client
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.prices import FREE, Price, token_price

if TYPE_CHECKING:
    import openai

PROMPT_VERSION = 1
_MOST_TEXTS, _MOST_BYTES = 16, 6 * 1024  # a model loses count of more
_SECONDS = 300.0
_LETTERS_A_TOKEN = 4
_TOKENS_A_CALL = 300  # of the instructions, spread over what one call holds
_ANSWER_PER_CHARACTER = 0.6  # characters of Korean for one of English
_FENCED = re.compile(r"\s*```(?:json)?\s*(.*?)\s*```\s*", re.DOTALL)
_TAGS_RULE = (
    '<x id="0"/> 같은 태그는 글자 그대로, 하나도 빠짐없이 알맞은 자리에 두세요. &amp;, &lt;, &gt;도 그대로 두세요.'
)
_CODE_RULE = "`코드`, 주소, 수식, <태그>는 글자 그대로 두세요."


class EndpointTranslator:
    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        wording: Wording | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._endpoint, self._model = endpoint, model
        self.wording = wording or Wording()
        self._parameters = {"temperature": 0} if parameters is None else dict(parameters)
        self._client: openai.AsyncOpenAI | None = None

    @property
    def name(self) -> str:
        return f"{self._endpoint.name}/{self._model}"

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        return {
            "model": self._model,
            "address": self._endpoint.base_url,
            "source": self.wording.source,
            "target": self.wording.target,
            "instructions": list(self.wording.instructions),
            "glossary": dict(sorted(self.wording.glossary.items())),
            "parameters": self._parameters,
            "prompt": PROMPT_VERSION,
        }

    @property
    def address(self) -> str:
        return self._endpoint.base_url

    @property
    def has_key(self) -> bool:
        return True  # of one that asks for none, and one whose key is missing says so when it is opened

    @property
    def endpoint(self) -> Endpoint:
        """For whoever asks for consent before text leaves this machine."""
        return self._endpoint

    @property
    def most_texts(self) -> int:
        return _MOST_TEXTS

    @property
    def most_bytes(self) -> int:
        return _MOST_BYTES

    @property
    def price_as_of(self) -> str:
        return self._price.as_of if self._price else ""

    @property
    def free_a_month(self) -> int:
        return 0

    def dollars(self, characters: int) -> float | None:
        if self._price is None:
            return None
        asked = characters / _LETTERS_A_TOKEN + _TOKENS_A_CALL * characters / _MOST_BYTES
        said = characters * _ANSWER_PER_CHARACTER * self._price.hangul
        return (asked * self._price.input + said * self._price.output) / 1e6

    @cached_property
    def _price(self) -> Price | None:
        return token_price(self._model) or (None if is_outside(self._endpoint.base_url) else FREE)

    async def ask(self, texts: Sequence[str], form: Form) -> Answer:
        import httpx2
        import openai

        body = {"model": self._model, "messages": self._messages(texts, form), **self._parameters}
        try:
            async with asyncio.timeout(_SECONDS):
                response = await self._opened().post("/chat/completions", body=body, cast_to=httpx2.Response)
        except (openai.OpenAIError, TooMuch, TimeoutError) as failure:
            raise _as_fault(failure, self._endpoint, self._model) from failure
        found, usage = _texts_in(response.content, len(texts))
        characters = tuple(len(text) for text in texts)
        return Answer(found, characters, self._charged(usage, sum(characters)), response.headers)

    async def quota(self) -> Quota | None:
        return None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _opened(self) -> openai.AsyncOpenAI:
        if self._client is None:
            self._client = open_client(self._endpoint, quiet_seconds=_SECONDS)
        return self._client

    def _messages(self, texts: Sequence[str], form: Form) -> list[dict[str, str]]:
        rules = [*self.wording.instructions, _TAGS_RULE if form == "tagged" else _CODE_RULE]
        rules += [f"'{term}'은(는) 항상 '{korean}'(으)로 옮기세요." for term, korean in self.wording.glossary.items()]
        system = (
            "영어 글을 한국어로 옮기는 번역가예요. 사용자가 보낸 JSON 목록의 글을 하나씩 옮겨, 순서와 개수가 같은 "
            '{"translations": ["…"]} 형식의 JSON만 답하세요.\n' + "\n".join(f"- {rule}" for rule in rules)
        )
        return [
            {"role": "system", "content": system},
            {"role": "user", "content": json.dumps(list(texts), ensure_ascii=False)},
        ]

    def _charged(self, usage: Any, characters: int) -> float | None:
        if self._price is None:
            return None
        asked, said = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
        if asked is None or said is None:
            return self.dollars(characters)
        return (asked * self._price.input + said * self._price.output) / 1e6


def open_endpoint_translator(
    settings: EndpointSettings, model: str, wording: Wording | None = None
) -> EndpointTranslator:
    """One of the configuration's endpoints, with its key. Whether text may go there is the caller's to ask."""
    return EndpointTranslator(configured_endpoint(settings), model, wording=wording)


def _texts_in(content: bytes, wanted: int) -> tuple[tuple[str, ...], Any]:
    malformed = NotInThisForm(
        say("답이 번역 목록 형식의 JSON이 아니에요.", "The answer is no JSON with a list of translations.")
    )
    try:
        answer = foreign_json.parsed(content)
    except ValueError as error:  # a page of something in between: nothing of these texts
        raise NotNow(say("답이 JSON이 아니에요.", "The answer is no JSON.")) from error
    try:
        words = answer["choices"][0]["message"]["content"]
        fenced = _FENCED.fullmatch(words)
        found = foreign_json.parsed(fenced[1] if fenced else words)
        texts = found["translations"] if isinstance(found, dict) else found
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise malformed from error
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise malformed
    if len(texts) != wanted:
        raise WrongCount(
            say(f"글 {wanted}개에 번역 {len(texts)}개가 왔어요.", f"{len(texts)} translations came for {wanted} texts.")
        )
    return tuple(texts), answer.get("usage")


def _count(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and count >= 0 else None


def _as_fault(failure: Exception, endpoint: Endpoint, model: str) -> CallFault | KullmError:
    import openai

    words = translated(failure, endpoint, model, begun=False)
    if not isinstance(failure, openai.APIStatusError):
        return NotNow(str(words))
    status = failure.status_code
    if failure.code == "insufficient_quota":
        return QuotaSpent(str(words))
    if status == 429:
        return SlowDown(str(words), failure.response.headers)
    if status == 413 or failure.code == "context_length_exceeded":
        return TooMuchAtOnce(str(words))
    if status in (408, 409) or status >= 500:
        return NotNow(str(words))
    return NotInThisForm(str(words)) if status in (400, 422) else TranslatorRefused(str(words))
