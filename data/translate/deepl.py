"""DeepL, through its own client. That one retries by itself and in loops, so it is told not to: there is one pace for all calls, ours.

Every thread has a client, since their connections are not made to be shared. The key is taken by name and stands nowhere.
KULLM_DEEPL_URL names another server, as for tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from data.masking.unit import Form
from data.translate.deepl_faults import as_fault
from data.translate.style import Wording
from data.translate.translator import Answer, NotInThisForm, NotNow, Quota, TranslatorRefused, WrongCount
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.endpoints.endpoint import is_outside
from kullm_tui.core.errors import ConfigError, KeyMissing, MissingExtra
from kullm_tui.core.language import say
from kullm_tui.core.prices import CharacterPrice, character_price

if TYPE_CHECKING:
    import deepl

KEY_NAME, URL_NAME = "DEEPL_AUTH_KEY", "KULLM_DEEPL_URL"
MODEL_TYPE = "prefer_quality_optimized"
_MOST_TEXTS, _MOST_BYTES = 50, 76 * 1024  # 128 KiB are documented; what is refused in practice is less
_SECONDS = 60.0  # for one call, and for a connection
_THREADS = 64
_T = TypeVar("_T")


class DeepL:
    def __init__(self, key: str, *, wording: Wording | None = None, server_url: str | None = None) -> None:
        self.wording = wording or Wording()
        self._key, self._server_url = key, server_url
        self._threads = ThreadPoolExecutor(_THREADS, "deepl")
        self._mine = threading.local()
        self._opened: list[deepl.DeepLClient] = []
        self._glossary_lock = threading.Lock()
        self._glossary: deepl.GlossaryInfo | None = None

    @property
    def name(self) -> str:
        return "deepl"

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        terms = json.dumps(sorted(self.wording.glossary.items()), ensure_ascii=False)
        return {
            "source": self.wording.source,
            "target": self.wording.target,
            "instructions": list(self.wording.instructions),
            "glossary": hashlib.sha256(terms.encode()).hexdigest() if self.wording.glossary else "",
            "model_type": MODEL_TYPE,
            "tags": "xml-v2",
        }

    @property
    def address(self) -> str:
        kind = "-free" if self.is_free else ""
        return self._server_url or f"https://api{kind}.deepl.com"

    @property
    def has_key(self) -> bool:
        return bool(self._key)

    @property
    def is_free(self) -> bool:
        """A key of the free tier says so itself."""
        return self._key.endswith(":fx")

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
        free = character_price("deepl-free")
        return free.free_a_month if free else 0

    def dollars(self, characters: int) -> float | None:
        return characters * self._price.characters / 1e6 if self._price else None

    @cached_property
    def _price(self) -> CharacterPrice | None:
        return character_price("deepl-free" if self.is_free else "deepl")

    async def ask(self, texts: Sequence[str], form: Form) -> Answer:
        return await self._in_thread(lambda: self._asked(texts, form))

    async def quota(self) -> Quota | None:
        usage = (await self._in_thread(lambda: self._called(lambda client: client.get_usage()))).character
        return Quota(usage.count, usage.limit) if usage.limit is not None and usage.count is not None else None

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        for client in self._opened:
            client.close()  # type: ignore[no-untyped-call]
        self._opened.clear()

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _asked(self, texts: Sequence[str], form: Form) -> Answer:
        options: dict[str, Any] = {"preserve_formatting": True}
        if form == "tagged":
            tags = {"tag_handling": "xml", "tag_handling_version": "v2", "outline_detection": False}
            options |= {**tags, "non_splitting_tags": ["x"], "split_sentences": "nonewlines"}
        if self.wording.glossary:
            options["glossary"] = self._found_glossary()
        found = self._called(
            lambda client: client.translate_text(
                list(texts),
                source_lang=self.wording.source,
                target_lang=self.wording.target,
                model_type=MODEL_TYPE,
                custom_instructions=list(self.wording.instructions) or None,
                **options,
            )
        )
        assert isinstance(found, list)
        if not found and "json" not in self._mine.headers.get("Content-Type", ""):
            # A page of something in between, which the client reads as no translations: nothing of these texts.
            raise NotNow(say("DeepL의 답이 JSON이 아니에요.", "DeepL's answer is no JSON."))
        if len(found) != len(texts):
            raise WrongCount(
                say(
                    f"DeepL이 글 {len(texts)}개에 번역 {len(found)}개를 보냈어요.",
                    f"DeepL sent {len(found)} translations for {len(texts)} texts.",
                )
            )
        charged = tuple(one.billed_characters for one in found)
        return Answer(tuple(one.text for one in found), charged, self.dollars(sum(charged)), self._mine.headers)

    def _called(self, call: Callable[[deepl.DeepLClient], _T]) -> _T:
        """The client's call in this thread, its failures as ours."""
        import deepl

        self._mine.headers = {}
        try:
            return call(self._client())
        except (deepl.DeepLException, ValueError, TypeError, KeyError, AttributeError) as failure:
            # The client reads an answer without looking whether it has the protocol's form.
            raise as_fault(failure, self._mine.headers) from failure

    def _client(self) -> deepl.DeepLClient:
        client: deepl.DeepLClient | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = _opened(self._key, self._server_url, self._hear)
            self._opened.append(client)
        return client

    def _hear(self, headers: Mapping[str, str]) -> None:
        self._mine.headers = headers

    def _found_glossary(self) -> deepl.GlossaryInfo:
        with self._glossary_lock:
            if self._glossary is None:
                try:
                    self._glossary = self._made_glossary()
                except NotInThisForm as fault:  # the terms' fault, and so every text's
                    raise TranslatorRefused(
                        say(f"용어집을 만들지 못했어요. {fault}", f"The glossary was not made. {fault}")
                    ) from fault
            return self._glossary

    def _made_glossary(self) -> deepl.GlossaryInfo:
        """Made there once, and found again by its name, which is of its contents."""
        name = f"kullm-{self.settings['glossary'][:16]}"
        known = self._called(lambda client: client.list_glossaries())
        return next((one for one in known if one.name == name), None) or self._called(
            lambda client: client.create_glossary(
                name,
                source_lang=self.wording.source,
                target_lang=self.wording.target,
                entries=dict(self.wording.glossary),
            )
        )


def open_deepl(wording: Wording | None = None) -> DeepL:
    """With the stored key; MissingExtra or KeyMissing say what to do."""
    if find_spec("deepl") is None:
        raise MissingExtra(
            say(
                "DeepL로 번역하려면 deepl 패키지가 더 필요해요. 설치: pip install 'kullm[data]'",
                "Translating with DeepL also needs the package deepl. Install: pip install 'kullm[data]'",
            )
        )
    key = get_key(KEY_NAME)
    if not key:
        raise KeyMissing(
            say(
                f"DeepL의 키 {KEY_NAME}: 아직 없어요. `kullm keys set {KEY_NAME}`로 넣어 주세요.",
                f"DeepL's key {KEY_NAME} is not there. Store it with `kullm keys set {KEY_NAME}`.",
            )
        )
    return DeepL(key, wording=wording, server_url=_named_server())


def _named_server() -> str | None:
    url = os.environ.get(URL_NAME, "").strip()
    if url and is_outside(url) and not url.startswith("https://"):
        raise ConfigError(
            say(
                f"{URL_NAME}: https://로 시작해야 해요. 그렇지 않으면 키와 글이 암호화되지 않고 나가요: {url}",
                f"{URL_NAME} must begin with https://, or key and texts would go out unencrypted: {url}",
            )
        )
    return url or None


def _opened(key: str, server_url: str | None, hear: Callable[[Mapping[str, str]], None]) -> deepl.DeepLClient:
    import deepl
    import deepl.http_client

    deepl.http_client.max_network_retries = 0
    deepl.http_client.min_connection_timeout = _SECONDS
    client = deepl.DeepLClient(key, server_url=server_url, send_platform_info=False)
    # Retry-After stands in no exception of the client's: the only way to it is the session that it makes.
    session = client._client._session
    send = session.send

    def listening(request: Any, **options: Any) -> Any:
        response = send(request, **options)
        hear(response.headers)
        return response

    session.send = listening  # type: ignore[method-assign]
    return client
