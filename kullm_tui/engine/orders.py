"""From a request's fields and a model's profile to the orders that the batch fills."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from kullm_tui.core.conversation import Fitted, fit
from kullm_tui.core.errors import ContextOverflow
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.engine.generation import Order
from kullm_tui.engine.protocol import ChatMessage, ChatRequest, CompletionRequest, SamplingFields
from kullm_tui.engine.residency import Seat
from kullm_tui.engine.sampling import Sampling
from kullm_tui.engine.wire_errors import RequestError

# Below this a temperature is greedy in all but its arithmetic, which overflows.
_COLDEST = 1e-4
_LONGEST_NUMBER = 12  # digits of a token id; Python refuses to read a number of thousands


@dataclass(frozen=True)
class ChatOrder:
    order: Order
    dropped_turns: int
    prompt_sha256: str  # of the prompt's text, as `kullm models show --prompt` prints it

    @property
    def closing(self) -> dict[str, object]:
        """What the answer tells about its prompt."""
        return {"dropped_turns": self.dropped_turns, "prompt_sha256": self.prompt_sha256}


def chat_order(request: ChatRequest, seat: Seat) -> ChatOrder:
    """The conversation in the model's own prompt; what does not fit into its context leaves whole, oldest turn first."""
    profile, vocabulary = seat.profile, seat.resident.vocabulary
    messages = [_message(message) for message in request.messages]
    asked = request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens
    wanted = profile.defaults.max_new_tokens if asked is None else asked
    room_for_reply = min(wanted, seat.resident.context // 2)

    @cache
    def ids_of(kept: tuple[Message, ...]) -> tuple[int, ...]:
        return vocabulary.encode(kept, profile.template)

    limit = seat.resident.context - max(room_for_reply, 1)
    fitted: Fitted = fit(messages, lambda kept: len(ids_of(tuple(kept))), limit=limit)
    ids = ids_of(fitted.messages)
    order = _order(request, seat, ids, max_new_tokens=wanted, top_logprobs=request.wanted_logprobs, trim=True)
    text = vocabulary.prompt(fitted.messages, profile.template).text
    return ChatOrder(order, fitted.dropped_turns, hashlib.sha256(text.encode()).hexdigest())


def completion_orders(request: CompletionRequest, seat: Seat) -> list[Order]:
    """One order a prompt, whatever form the prompts came in."""
    return [_completion_order(request, seat, prompt) for prompt in request.prompts]


def _completion_order(request: CompletionRequest, seat: Seat, prompt: str | list[int]) -> Order:
    vocabulary = seat.resident.vocabulary
    ids = vocabulary.encode_text(prompt) if isinstance(prompt, str) else tuple(prompt)
    embeddings = seat.resident.loaded.model.get_input_embeddings().num_embeddings
    if any(token >= embeddings for token in ids):
        raise RequestError(f"prompt: token ids must be below {embeddings}", param="prompt")
    if len(ids) >= seat.resident.context and not (request.max_tokens == 0 and len(ids) == seat.resident.context):
        raise _overflow(len(ids), seat.resident.context)
    wanted = 16 if request.max_tokens is None else request.max_tokens
    return _order(
        request,
        seat,
        ids,
        max_new_tokens=wanted,
        top_logprobs=request.logprobs,
        trim=False,
        score_prompt=request.echo and request.logprobs is not None,
    )


def _order(
    request: SamplingFields,
    seat: Seat,
    ids: tuple[int, ...],
    *,
    max_new_tokens: int,
    top_logprobs: int | None,
    trim: bool,
    score_prompt: bool = False,
) -> Order:
    vocabulary, profile = seat.resident.vocabulary, seat.profile
    ids = ids or _beginning(seat)
    room = min(max_new_tokens, seat.resident.context - len(ids))
    beams = request.num_beams or (profile.defaults.num_beams if trim else 1)
    return Order(
        prompt=ids,
        max_new_tokens=room,
        sampling=_sampling(request, seat),
        stop=request.stops + (profile.stop if trim else ()),
        eos=vocabulary.special.eos,
        decode=vocabulary.decode,
        adapter=seat.adapter,
        trim=trim,
        top_logprobs=top_logprobs,
        score_prompt=score_prompt,
        num_beams=beams if room else 1,  # nothing is searched where nothing may be said
    )


def _sampling(request: SamplingFields, seat: Seat) -> Sampling:
    """The request's own settings, the profile's where it is silent. A greedy profile has temperature 0."""
    usual = seat.profile.defaults.request_fields()

    def chosen(name: str) -> Any:
        asked = getattr(request, name)
        return usual[name] if asked is None else asked

    temperature = chosen("temperature")
    return Sampling(
        temperature=temperature if temperature > _COLDEST else 0.0,
        top_k=max(0, chosen("top_k")),
        top_p=chosen("top_p"),
        repetition_penalty=chosen("repetition_penalty"),
        no_repeat_ngram_size=chosen("no_repeat_ngram_size"),
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        logit_bias=_logit_bias(request, seat),
        seed=request.seed,
    )


def _logit_bias(request: SamplingFields, seat: Seat) -> dict[int, float]:
    embeddings = seat.resident.loaded.model.get_output_embeddings().out_features
    biases = {}
    for token, bias in (request.logit_bias or {}).items():
        if not (token.isascii() and token.isdigit() and len(token) <= _LONGEST_NUMBER) or int(token) >= embeddings:
            raise RequestError(
                f"logit_bias: {token[:_LONGEST_NUMBER]!r} is not a token id of this model", param="logit_bias"
            )
        biases[int(token)] = bias
    return biases


def _message(message: ChatMessage) -> Message:
    role = "system" if message.role == "developer" else message.role
    return Message(role, message.text, message.input)


def _beginning(seat: Seat) -> tuple[int, ...]:
    """What an empty prompt becomes: the token that texts begin with, or the one that ends the text before."""
    special = seat.resident.vocabulary.special
    begin = special.bos if special.bos is not None else min(special.eos, default=None)
    if begin is None:
        raise RequestError(say("프롬프트가 비었어요.", "The prompt is empty."), param="prompt")
    return (begin,)


def _overflow(tokens: int, context: int) -> ContextOverflow:
    return ContextOverflow(
        say(
            f"프롬프트가 {tokens}토큰이라 문맥 길이 {context}토큰을 넘어요. 줄여서 다시 보내세요.",
            f"The prompt has {tokens} tokens; the context holds {context}. Shorten it.",
        )
    )
