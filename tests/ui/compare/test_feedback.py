"""What a person says of a reply in a column: it is kept beside the reply, and the column goes on with what its model said."""

from pathlib import Path

from textual.widgets import TextArea

from kullm_tui.ui.conversation.correct_dialog import CorrectScreen
from tests.ui.comparing import Far, comparing


async def test_a_column_stays_with_its_model_when_its_reply_is_corrected(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("물음")
            here.views[1].thread.focus()
            await here.pilot.press("w")
            await here.until(
                lambda: isinstance(here.app.screen, CorrectScreen) and isinstance(here.app.focused, TextArea)
            )
            here.app.screen.query_one(TextArea).text = "내가 바란 답"
            await here.pilot.press("ctrl+s")
            await here.until(lambda: len(here.controller.turns(1)[-1].siblings) == 2)
            reply = here.controller.turns(1)[-1]
            assert reply.content == "green의 답"
            written = here.app.store.turn(next(one for one in reply.siblings if one != reply.id))
            assert (written.content, written.corrects) == ("내가 바란 답", reply.id)
            here.bar.focus()
            await here.votes_for(1)
            await here.until(lambda: here.votes)
            assert here.votes[0].replies[1] == reply.id, "the vote is on what the model said"


async def test_a_reply_in_a_column_is_marked(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("물음")
            here.views[0].thread.focus()
            await here.pilot.press("x")
            await here.until(lambda: here.controller.turns(0)[-1].mark == "never")
            assert here.told("학습에서 뺌")
