"""What may be done with a training from its row: asked of its machine in a thread, said while it lasts, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.text import size_text
from kullm_tui.ui.background import apart
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.train.machines.questions import asking_in
from kullm_tui.ui.train.seen import Seen
from kullm_tui.ui.train.text import kept_when_cancelled
from trainer.jobs import actions
from trainer.jobs.agent import states
from trainer.jobs.bring import brought_and_kept
from trainer.jobs.client import Client
from trainer.jobs.keep import Kept
from trainer.jobs.reach import client_of
from trainer.jobs.text import reason_text, state_text

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.ui.train.host import TrainHost

T = TypeVar("T")


class JobsView(Protocol):
    """The screen, as an action tells it things."""

    @property
    def host(self) -> TrainHost: ...

    @property
    def app(self) -> App[Any]: ...

    def tell(self, text: str = "", *, error: bool = False) -> None: ...

    def draw(self) -> None: ...


class JobActions:
    def __init__(self, view: JobsView) -> None:
        self._view = view
        self.under_way: dict[str, str] = {}  # by job: what is done with it, and how far it is

    async def cancel(self, seen: Seen) -> None:
        """Stopped with its work saved; asked again while it saves, at once."""
        at_once = seen.state_name == states.CANCELLING
        asked = Confirm(
            say(f"{seen.called} 학습을 멈출까요?", f"Stop {seen.called}?")
            if not at_once
            else say(
                f"{seen.called} 학습을 저장하지 않고 바로 끝낼까요?", f"End {seen.called} at once, saving nothing?"
            ),
            say("바로 끝내기", "End it at once") if at_once else say("저장하고 멈추기", "Save and stop"),
            stay=say("계속 두기", "Let it go on"),
            more=kept_when_cancelled(seen),
            danger=at_once,
        )
        if not await self._view.app.push_screen_wait(asked):
            return
        state = await self._ask(
            seen, say("멈추는 중 …", "stopping …"), lambda client: actions.cancel(seen.job, client, now=at_once)
        )
        if state is None:
            return
        actions.require_nothing_left(seen.job, state)
        if state["state"] == states.CANCELLED:
            self._view.tell(
                say(
                    f"{seen.called} 학습을 멈췄어요. 남은 프로세스가 없어요. r로 이어서 할 수 있어요.",
                    f"{seen.called} was stopped; nothing of it is left. r goes on.",
                )
            )
        else:
            why = reason_text(state) if state["state"] in (states.FAILED, states.LOST) else ""
            ended = state_text(str(state["state"])) + (why and f" ({why})")
            self._view.tell(
                say(f"{seen.called} 학습은 이미 끝나 있어요: ", f"{seen.called} had ended already: ") + ended
            )

    async def go_on(self, seen: Seen) -> None:
        def told(text: str) -> None:
            self.under_way[seen.id] = text

        started = await self._ask(
            seen,
            say("시작하는 중 …", "starting …"),
            lambda client: actions.go_on(seen.job, client, note=told, progress=told),
        )
        if started and started.fresh:
            step = seen.saved[0] if seen.saved else 0
            self._view.tell(
                say(f"{seen.called} 학습을 {step:,}단계부터 이어서 해요.", f"{seen.called} goes on from step {step:,}.")
                if step
                else say(f"{seen.called} 학습을 처음부터 시작했어요.", f"{seen.called} begins from nought.")
            )

    async def hold(self, seen: Seen) -> None:
        """Or let it go on, where it is held."""
        held = not seen.is_held

        def ask(client: Client) -> bool:
            actions.require_waiting(seen.job, client)
            client.hold(seen.id, held=held)
            return True

        if await self._ask(seen, say("줄에 알리는 중 …", "telling the queue …"), ask):
            self._view.tell(
                say(f"{seen.called} 학습을 보류했어요. h로 풀어요.", f"{seen.called} is held; h lets it go on.")
                if held
                else say(f"{seen.called} 학습이 다시 차례를 기다려요.", f"{seen.called} waits for its turn again.")
            )

    async def fetch(self, seen: Seen) -> None:
        kept = await self._kept(seen)
        if kept:
            self._view.tell(
                kept.advice
                or say(
                    f"결과를 등록했어요(이름: {kept.name}). t를 누르면 대화해요.",
                    f"What it made is kept as {kept.name}. t talks to it.",
                )
            )

    async def chat(self, seen: Seen) -> None:
        kept = await self._answering(seen)
        if kept:
            model, adapter = (kept.base, kept.name) if kept.is_adapter else (kept.name, "")
            await self._view.host.chat_with(model, adapter)

    async def look_after(self, seen: Seen) -> None:
        """The questions that were held out, to the model before and to this one."""
        kept = await self._answering(seen)
        if kept:
            await self._view.host.look_after(kept.name)

    async def compare(self, seen: Seen, *, blind: bool) -> None:
        """With what it was trained over."""
        kept = await self._answering(seen)
        if kept:
            trained = Contestant(kept.base, kept.name) if kept.is_adapter else Contestant(kept.name)
            await self._view.host.compare_these((Contestant(kept.base), trained), blind=blind)

    async def remove(self, seen: Seen) -> None:
        there = (
            say(f"{seen.machine}에서도 지워요. ", f"It is removed from {seen.machine} too. ") if seen.machine else ""
        )
        asked = Confirm(
            say(f"{seen.called} 학습을 지울까요?", f"Remove {seen.called}?"),
            say("체크포인트까지 지우기", "Remove it with its checkpoints"),
            more=there
            + say(
                "기록과 체크포인트가 사라져요. 이미 등록한 어댑터는 남아요.",
                "Its history and its checkpoints go. An adapter that was kept stays.",
            ),
            danger=True,
        )
        if not await self._view.app.push_screen_wait(asked):
            return
        async with self._view.host.trainings.without(seen.id):
            try:
                await self._removed(seen)
            except KullmError as error:
                if not seen.machine or seen.is_live or not await self._wants_to_forget(seen, error):
                    raise
                await apart(lambda: actions.remove(seen.job, None))
        self._view.host.trainings.look_again()

    async def _removed(self, seen: Seen) -> None:
        doing = say("지우는 중 …", "removing …")
        await self._under_way(seen, doing, lambda: actions.remove(seen.job, self._reach(seen.machine)))
        self._view.tell(say(f"{seen.called} 학습을 지웠어요.", f"{seen.called} was removed."))

    async def _wants_to_forget(self, seen: Seen, error: KullmError) -> bool:
        asked = Confirm(
            say(f"{seen.machine}에서는 지우지 못했어요.", f"It was not removed from {seen.machine}."),
            say("이 컴퓨터에서만 지우기", "Remove it here alone"),
            more=str(error),
            danger=True,
        )
        wanted = await self._view.app.push_screen_wait(asked)
        return wanted is True

    # -- how it is asked -----------------------------------------------------------------------------------------------

    async def _answering(self, seen: Seen) -> Kept | None:
        """What can be asked; None where there is nothing that the engine can answer with, which is told."""
        kept = await self._kept(seen)
        if kept and kept.advice:
            self._view.tell(kept.advice, error=True)
            return None
        return kept

    async def _kept(self, seen: Seen) -> Kept | None:
        def told(here: int, total: int) -> None:
            fetching = say("결과를 받는 중", "fetching")
            self.under_way[seen.id] = f"{fetching} … {size_text(here)} / {size_text(total)}"

        def note(text: str) -> None:
            self.under_way[seen.id] = text

        return await self._ask(
            seen,
            say("결과를 등록하는 중 …", "keeping what it made …"),
            lambda client: brought_and_kept(seen.job.again(), client, note, told),
        )

    async def _ask(self, seen: Seen, doing: str, ask: Callable[[Client], T]) -> T | None:
        """Of its machine; None where something is done with it already, which is told."""
        return await self._under_way(seen, doing, lambda: ask(actions.client_for(seen.job, self._reach)))

    def _reach(self, machine: str) -> Client:
        """Somebody pressed a key, and can answer what ssh wants to know."""
        return client_of(machine, asking_in(self._view.app) if machine else None)

    async def _under_way(self, seen: Seen, doing: str, work: Callable[[], T]) -> T | None:
        if seen.id in self.under_way:
            self._view.tell(
                say(f"{seen.called}: 하던 일이 아직 안 끝났어요.", f"{seen.called} is busy with that already.")
            )
            return None
        self.under_way[seen.id] = doing
        self._view.draw()
        try:
            return await apart(work)
        finally:
            del self.under_way[seen.id]
            self._view.host.trainings.look_again()
            self._view.draw()
