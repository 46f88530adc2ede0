"""From the fields of a request and a model's profile to what the batch is asked to generate."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kullm_tui.core.errors import ContextOverflow
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.templates.fit import fit
from kullm_tui.engine.generation import GenerationRequest
from kullm_tui.engine.protocol import ChatMessage, ChatRequest, CompletionRequest, SamplingFields
from kullm_tui.engine.residency import Seat
from kullm_tui.engine.sampling import Sampling
from kullm_tui.engine.wire_errors import RequestError

# Below this a temperature is greedy in all but its arithmetic, which overflows.
_COLDEST = 1e-4
MOST_IN_AN_ANSWER = 1 << 19
REPLY_TOKENS = 64  # what a reply takes beside its tokens
_LONGEST_NUMBER = 12  # digits of a token id; Python refuses to read a number of thousands


@dataclass(frozen=True)
class PreparedChat:
    request: GenerationRequest
    dropped_turns: int
    prompt_sha256: str  # of the prompt's text, as `kullm models show --prompt` prints it

    @property
    def closing(self) -> dict[str, object]:
        """What the answer tells about its prompt."""
        return {"dropped_turns": self.dropped_turns, "prompt_sha256": self.prompt_sha256}


@dataclass(frozen=True)
class _Rendered:
    text: str
    ids: tuple[int, ...]


def prepared_chat(body: ChatRequest, seat: Seat) -> PreparedChat:
    """The conversation in the model's own prompt; what does not fit into its context leaves whole, oldest turn first.

    What is too long by its characters alone is never tokenised.
    """
    profile, vocabulary = seat.profile, seat.resident.vocabulary
    messages = [_message(message) for message in body.messages]
    asked = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    wanted = profile.defaults.max_new_tokens if asked is None else asked
    room_for_reply = min(wanted, seat.resident.context // 2)

    limit = seat.resident.context - max(room_for_reply, 1)
    rendered: dict[tuple[Message, ...], _Rendered] = {}  # what fits; the rest is not worth keeping

    def length(kept: Sequence[Message]) -> int:
        prompt = vocabulary.prompt(kept, profile.template)
        fewest = vocabulary.fewest_tokens(prompt.text)
        if fewest > limit:
            return fewest
        ids = vocabulary.encode(prompt, profile.template)
        if len(ids) <= limit:
            rendered[tuple(kept)] = _Rendered(prompt.text, ids)
        return len(ids)

    fitted = fit(messages, length, limit=limit)
    said = rendered[fitted.messages]
    request = _request(body, seat, said.ids, max_new_tokens=wanted, top_logprobs=body.wanted_logprobs, trim=True)
    return PreparedChat(request, fitted.dropped_turns, hashlib.sha256(said.text.encode()).hexdigest())


def prepared_completions(body: CompletionRequest, seat: Seat) -> list[GenerationRequest]:
    """One request a prompt, whatever form the prompts came in."""
    context = seat.resident.context
    for prompt in body.prompts:
        fewest = seat.resident.vocabulary.fewest_tokens(prompt) if isinstance(prompt, str) else len(prompt)
        if fewest > context:
            raise _overflow(fewest, context)
    return [_completion(body, seat, prompt) for prompt in body.prompts]


def replies_to(requests: Sequence[GenerationRequest], n: int) -> list[GenerationRequest]:
    """Each request n times; refused where all that would be read and said is too much to hold."""
    requests = [_numbered(request, place) for request in requests for place in range(n)]
    if (size := answer_size(requests)) > MOST_IN_AN_ANSWER:
        raise RequestError(
            say(
                f"이 요청의 답은 {size:,}토큰까지 커질 수 있는데 {MOST_IN_AN_ANSWER:,}토큰까지 받을 수 있어요. "
                "프롬프트, n, max_tokens, logprobs 가운데 하나를 줄이세요.",
                f"The answer to this request may take {size:,} tokens; at most {MOST_IN_AN_ANSWER:,} are given at once. "
                "Ask with fewer prompts, or a lower n, max_tokens or logprobs.",
            ),
            code="answer_too_large",
        )
    return requests


def answer_size(requests: Sequence[GenerationRequest]) -> int:
    """Tokens that prompts and replies hold together, the log-probabilities of one counted as one more each."""
    prompts = {request.prompt for request in requests}
    return sum(map(len, prompts)) + sum(map(_reply_size, requests))


def _reply_size(request: GenerationRequest) -> int:
    entries = 1 if request.top_logprobs is None else 2 + request.top_logprobs
    return REPLY_TOKENS + entries * (request.max_new_tokens + (len(request.prompt) if request.echo else 0))


def _numbered(request: GenerationRequest, place: int) -> GenerationRequest:
    """The n-th reply to one prompt: with a seed, each has its own that follows from it."""
    seed = request.sampling.seed
    if place == 0 or seed is None:
        return request
    return replace(request, sampling=replace(request.sampling, seed=seed + place))


def _completion(body: CompletionRequest, seat: Seat, prompt: str | list[int]) -> GenerationRequest:
    vocabulary = seat.resident.vocabulary
    ids = vocabulary.encode_text(prompt) if isinstance(prompt, str) else tuple(prompt)
    embeddings = seat.resident.loaded.model.get_input_embeddings().num_embeddings
    if any(token >= embeddings for token in ids):
        raise RequestError(f"prompt: token ids must be below {embeddings}", param="prompt")
    if len(ids) >= seat.resident.context and not (body.max_tokens == 0 and len(ids) == seat.resident.context):
        raise _overflow(len(ids), seat.resident.context)
    wanted = 16 if body.max_tokens is None else body.max_tokens
    return _request(
        body,
        seat,
        ids,
        max_new_tokens=wanted,
        top_logprobs=body.logprobs,
        trim=False,
        echo=body.echo,
    )


def _request(
    body: SamplingFields,
    seat: Seat,
    ids: tuple[int, ...],
    *,
    max_new_tokens: int,
    top_logprobs: int | None,
    trim: bool,
    echo: bool = False,
) -> GenerationRequest:
    vocabulary, profile = seat.resident.vocabulary, seat.profile
    ids = ids or _beginning(seat)
    room = min(max_new_tokens, seat.resident.context - len(ids))
    beams = body.num_beams or (profile.defaults.num_beams if trim else 1)
    return GenerationRequest(
        prompt=ids,
        max_new_tokens=room,
        sampling=_sampling(body, seat),
        stop=body.stops + (profile.stop if trim else ()),
        eos=vocabulary.special.eos,
        decode=vocabulary.decode,
        adapter=seat.adapter,
        trim=trim,
        top_logprobs=top_logprobs,
        echo=echo,
        score_prompt=echo and top_logprobs is not None,
        num_beams=beams if room else 1,  # nothing is searched where nothing may be said
        alone=body.alone,
    )


def _sampling(body: SamplingFields, seat: Seat) -> Sampling:
    """The request's own settings, the profile's where it is silent. A greedy profile has temperature 0."""
    usual = seat.profile.defaults.request_fields()

    def chosen(name: str) -> Any:
        asked = getattr(body, name)
        return usual[name] if asked is None else asked

    temperature = chosen("temperature")
    return Sampling(
        temperature=temperature if temperature > _COLDEST else 0.0,
        top_k=max(0, chosen("top_k")),
        top_p=chosen("top_p"),
        repetition_penalty=chosen("repetition_penalty"),
        no_repeat_ngram_size=chosen("no_repeat_ngram_size"),
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        logit_bias=_logit_bias(body, seat),
        seed=body.seed,
    )


def _logit_bias(body: SamplingFields, seat: Seat) -> dict[int, float]:
    embeddings = seat.resident.loaded.model.get_output_embeddings().out_features
    biases = {}
    for token, bias in (body.logit_bias or {}).items():
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
            f"프롬프트가 적어도 {tokens:,}토큰이라 문맥 길이 {context:,}토큰을 넘어요. 줄여서 다시 보내세요.",
            f"The prompt has at least {tokens:,} tokens; the context holds {context:,}. Shorten it.",
        )
    )
