"""From logits to the next token, one row at a time, in the order that transformers' `generate` applies its processors:
repetition penalty, n-gram ban, then temperature, top-k, top-p. OpenAI's penalties and biases come after the repetition penalty.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say


class NoToken(KullmError):
    """Nothing can be chosen from a row's logits: they are no numbers, or everything is forbidden."""


@dataclass(frozen=True)
class Sampling:
    temperature: float = 0.0  # 0 is greedy
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None

    @property
    def untouched_greedy(self) -> bool:
        """True where the next token is simply the likeliest one."""
        return self.temperature == 0 and not self.changes_logits

    @property
    def changes_logits(self) -> bool:
        return bool(
            self.repetition_penalty != 1.0
            or self.no_repeat_ngram_size
            or self.presence_penalty
            or self.frequency_penalty
            or self.logit_bias
        )


def no_token() -> NoToken:
    return NoToken(
        say(
            "모델의 계산 결과가 수가 아니거나(NaN) 고를 수 있는 토큰이 없어서 답변을 멈췄어요. "
            "어댑터나 모델의 파일이 망가졌는지, 생성 설정이 지나치지 않은지 확인하세요.",
            "The model computed no numbers (NaN), or no token may follow. See whether the adapter or model is damaged, or the settings too strict.",
        )
    )


class Sampler:
    """One row's choices: its random numbers and what it has said so far."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int], *, device: torch.device) -> None:
        self.sampling = sampling
        self._ids = list(prompt)
        self._said: Counter[int] = Counter()
        self._random = torch.Generator(device=device)
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(sampling.seed)

    def pick(self, logits: torch.Tensor) -> int:
        """The next token for float32 logits of shape [vocabulary]."""
        sampling = self.sampling
        if sampling.changes_logits:
            logits = self._penalised(logits)
        highest, likeliest = logits.max(-1)
        if not highest.isfinite():
            raise no_token()
        if sampling.temperature == 0:
            return int(likeliest)
        scaled = (logits - highest) / sampling.temperature  # however small the temperature, the highest stays 0
        logits = _top_p(_top_k(scaled, sampling.top_k), sampling.top_p)
        return int(torch.multinomial(logits.softmax(-1), 1, generator=self._random))

    def said(self, token: int) -> None:
        self._ids.append(token)
        self._said[token] += 1

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        sampling, logits = self.sampling, logits.clone()
        if sampling.repetition_penalty != 1.0:
            seen = torch.tensor(sorted(set(self._ids)), device=logits.device)
            score = logits[seen]
            penalty = sampling.repetition_penalty
            logits[seen] = torch.where(score < 0, score * penalty, score / penalty)
        for token, times in self._said.items():
            logits[token] -= sampling.presence_penalty + sampling.frequency_penalty * times
        for token, bias in sampling.logit_bias.items():
            logits[token] += bias
        banned = _would_repeat(self._ids, sampling.no_repeat_ngram_size)
        if banned:
            logits[torch.tensor(sorted(banned), device=logits.device)] = -torch.inf
        return logits


def _top_k(logits: torch.Tensor, k: int) -> torch.Tensor:
    if not 0 < k < logits.numel():
        return logits
    return logits.masked_fill(logits < logits.topk(k).values[-1], -torch.inf)


def _top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Keeps the smallest set of likeliest tokens whose probabilities reach p (the likeliest always stays)."""
    if p >= 1.0:
        return logits
    ascending, order = logits.sort()
    unlikely = ascending.softmax(-1).cumsum(-1) <= 1 - p
    unlikely[-1] = False
    return logits.masked_fill(unlikely.new_zeros(unlikely.shape).scatter(0, order, unlikely), -torch.inf)


def _would_repeat(ids: Sequence[int], size: int) -> set[int]:
    """The tokens that would complete an n-gram which already stands in ids."""
    if size <= 0 or len(ids) < size:
        return set()
    opening = tuple(ids[len(ids) - size + 1 :])
    return {ids[at + size - 1] for at in range(len(ids) - size + 1) if tuple(ids[at : at + size - 1]) == opening}
