"""One running reply in the batch: its tokens, its sampler, the text it has released."""

from collections.abc import Sequence

import torch

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.generation import Failed, Finished, Generation, Piece, PromptScored, TokenLogprob
from kullm_tui.engine.lookup import Lookup
from kullm_tui.engine.reply_text import ReplyText
from kullm_tui.engine.sampling import NoToken, Sampler


class Row:
    def __init__(self, generation: Generation, *, device: torch.device) -> None:
        request = generation.request
        self.generation = generation
        self.request = request
        self.tokens = list(request.prompt)
        self.cached = 0  # tokens whose keys and values lie in the row's slot
        self.reused = 0  # of those, how many were copied and not computed
        self.lookup = Lookup(self.tokens)
        self.finish_reason: str | None = None
        self.failed = False
        self._sampler = Sampler(request.sampling, request.prompt, device=device)
        self._text = ReplyText(request.decode, stop=request.stop, trim=request.trim)
        self._logprobs: list[TokenLogprob] = []
        self._prompt_logprobs: list[TokenLogprob | None] = [None]

    @property
    def produced(self) -> int:
        return len(self.tokens) - len(self.request.prompt)

    @property
    def left(self) -> int:
        """Tokens that may still be said."""
        return self.request.max_new_tokens - self.produced

    @property
    def is_over(self) -> bool:
        return self.failed or self.finish_reason is not None

    @property
    def greedy(self) -> bool:
        return self.request.sampling.untouched_greedy

    def score_prompt(self, logits: torch.Tensor, start: int) -> None:
        """logits [n, vocabulary] of prompt positions start…start+n-1; each scores the token after it."""
        scored = self.request.prompt[start + 1 : start + 1 + len(logits)]
        if scored:
            logprobs = logits[: len(scored)].float().log_softmax(-1)
            self._prompt_logprobs += token_logprobs(logprobs, scored, self.request.top_logprobs or 0)

    def begin(self) -> None:
        """The whole prompt is in the slot."""
        if self.request.score_prompt:
            self.generation.emit(PromptScored(tuple(self._prompt_logprobs)))

    def take(self, logits: torch.Tensor, likeliest: int | None = None) -> None:
        """Chooses the next token from float32 logits [vocabulary], shows what may be shown, and notes whether that ends it.

        What is wrong with a row's own numbers is that row's fault alone: its client is told, the others go on.
        """
        if self.request.max_new_tokens == 0:
            self.finish("length")
            return
        try:
            token = self._sampler.pick(logits) if likeliest is None else likeliest
        except NoToken as error:
            self.fail(error)
            return
        if self.generation.clock.first_token is None:
            self.generation.clock.start_decoding()
        self.tokens.append(token)
        self._sampler.said(token)
        ends = token in self.request.eos
        # A scored prompt is always followed by one token's score, the end's too: who reads the scores leaves the last one out.
        if self.request.top_logprobs is not None and (not ends or self.request.score_prompt):
            self._logprobs += token_logprobs(logits.log_softmax(-1)[None], [token], self.request.top_logprobs)
        if ends:
            self.finish("stop")
            return
        self._show(self._text.feed(token))
        if self._text.stopped_by is not None:
            self.finish("stop")
        elif self.produced >= self.request.max_new_tokens:
            self.finish("length")

    def finish(self, reason: str) -> None:
        if self._text.stopped_by is None:
            self._show(self._text.close())
        if self._logprobs:
            self._show("", last=True)
        self.finish_reason = reason
        clock = self.generation.clock
        self.generation.emit(
            Finished(
                reason=reason,
                prompt_tokens=len(self.request.prompt),
                completion_tokens=self.produced,
                timings=clock.timings(
                    tokens=self.produced,
                    cached_tokens=self.reused,
                    guessed_tokens=self.lookup.guessed,
                    kept_tokens=self.lookup.kept,
                ),
            )
        )

    def fail(self, error: KullmError) -> None:
        self.failed = True
        self.generation.emit(Failed(error))

    def _show(self, text: str, *, last: bool = False) -> None:
        if text or last:
            logprobs, self._logprobs = tuple(self._logprobs), []
            self.generation.emit(Piece(text, logprobs))


def token_logprobs(logprobs: torch.Tensor, tokens: Sequence[int], top: int) -> list[TokenLogprob]:
    """logprobs [n, vocabulary] → an entry for each of n chosen tokens, with the `top` likeliest beside it."""
    chosen = logprobs.gather(1, torch.tensor(tokens, device=logprobs.device)[:, None])[:, 0].tolist()
    values, ids = logprobs.topk(min(top, logprobs.shape[1]))
    likeliest = [tuple(zip(*row, strict=True)) for row in zip(ids.tolist(), values.tolist(), strict=True)]
    return [TokenLogprob(*entry) for entry in zip(tokens, chosen, likeliest, strict=True)]
