"""kill -9 of the app while a reply streams, at random moments: every question is kept, and all of the answer but its last second."""

import os
import random
import time
from pathlib import Path

from kullm_tui.core.store import Store
from tests.far_words import Words
from tests.kullm_command import Terminal
from tests.openai_server import OpenAIServer, Reply

KILLS = int(os.environ.get("KULLM_APP_KILLS", "5"))
_LOST_SECONDS = 1.0
_ON_THE_WAY = 0.3  # from the server through the app's loop to the disk, on a machine with other work


def _configured(home: Path, base_url: str) -> None:
    (home / "config.toml").write_text(f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{base_url}"\n')


def test_a_killed_app_keeps_every_question_and_all_but_the_last_second(tmp_path: Path) -> None:
    dice = random.Random(7)
    due: dict[str, int] = {}
    with OpenAIServer() as far:
        _configured(tmp_path, far.base_url)
        for number in range(KILLS):
            question = f"{number}번째 질문"
            due[question] = _killed_in_mid_reply(tmp_path, far, question, dice.uniform(0.0, 3.0))
    with Store(tmp_path / "kullm.db") as store:
        kept = {turns[0].content: turns[-1] for turns in map(store.thread, (one.id for one in store.conversations()))}
    assert kept.keys() == due.keys()
    for question, reply in kept.items():
        assert reply.role == "assistant"
        assert reply.state == "failed"  # the next start says that the program ended in the middle
        words = [int(word) for word in reply.content.split()]
        assert words == list(range(1, len(words) + 1))
        assert len(words) >= due[question], question


def _killed_in_mid_reply(home: Path, far: OpenAIServer, question: str, after: float) -> int:
    """How many words must have been kept."""
    words = Words()
    far.script.append(Reply(words))
    app = Terminal(home)
    app.waits_for("구름")
    app.types(question)
    app.waits_for(question)
    app.types("\r")
    words.waits_for_the_first()
    app.watches(after)
    app.is_killed()
    last = time.monotonic() - _LOST_SECONDS - _ON_THE_WAY
    return sum(1 for moment in words.sent if moment < last)
