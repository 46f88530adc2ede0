"""What is said where text would first leave this machine for a host, on a command line and in the app's dialog alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kullm_tui.core.endpoints.endpoint import host_of
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.core.endpoints.endpoint import Endpoint

Leaving = Literal["question", "answer"]  # a conversation's question to a model, or a question and its answer to a judge


@dataclass(frozen=True)
class ConsentText:
    endpoint: Endpoint
    leaving: Leaving

    def unattended(self, agreeing: str) -> str:
        """Where nobody can be asked; `agreeing` is the command that agrees."""
        return say(
            f"{self._where} 보내려고 해요. 괜찮으면 이 명령으로 한 번 동의해 주세요: `{agreeing}`",
            f"{self._what} would leave this machine for {self._host}. If that is fine, agree once with `{agreeing}`.",
        )

    @property
    def offer(self) -> str:
        """To be answered with yes or no at a terminal."""
        return say(
            f"{self._where} 보낼까요? 동의하면 이곳은 다시 묻지 않아요.",
            f"{self._what.capitalize()} will leave this machine for {self._host}; you will not be asked again. Send?",
        )

    @property
    def refusal(self) -> str:
        return say("보내지 않았어요.", "nothing was sent.")

    @property
    def question(self) -> str:
        return say(f"{self._where} 보낼까요?", f"Send {self._what} to {self._host}, outside this machine?")

    @property
    def button(self) -> str:
        return say(f"{self._towards} 보내기", f"Send to {self._host}")

    @property
    def more(self) -> str:
        goes = {
            "question": say("이 대화의 글이 그곳으로 나가요.", "The text of this conversation goes there."),
            "answer": say(
                "채점할 질문과 답이 그곳으로 나가요. 앞의 대화는 보내지 않아요.",
                "The question and the answer go there, not the conversation before them.",
            ),
        }[self.leaving]
        once = say("한 번 동의하면 이곳은 다시 묻지 않아요.", "You are asked once for each host.")
        return f"{goes} {once}"

    @property
    def _host(self) -> str:
        return host_of(self.endpoint)

    @property
    def _towards(self) -> str:
        return f"{self._host}에"

    @property
    def _what(self) -> str:
        return {
            "question": say("질문을", "the question"),
            "answer": say("질문과 답을", "questions and answers"),
        }[self.leaving]

    @property
    def _where(self) -> str:
        return f"{self._what} 이 컴퓨터 밖의 {self._towards}"
