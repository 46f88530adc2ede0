"""kill -9 of the app while a reply streams, at random moments: every question is kept, and all of the answer that was once written down.

That this is all but the last second is for tests/core/asking/test_exchange.py, which asks the program that writes for its own moments.
"""

import os
import random
import time
from pathlib import Path

from kullm_tui.core.store.store import Store
from tests.far_words import Words
from tests.kullm_command import Terminal
from tests.openai_server import OpenAIServer, Reply

KILLS = int(os.environ.get("KULLM_APP_KILLS", "5"))
_SECONDS = 240.0


def _configured(home: Path, base_url: str) -> None:
    (home / "config.toml").write_text(f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{base_url}"\n')


def test_a_killed_app_keeps_every_question_and_what_it_had_written_down_in_mid_reply(tmp_path: Path) -> None:
    dice = random.Random(7)
    due: dict[str, int] = {}
    with OpenAIServer() as far:
        _configured(tmp_path, far.base_url)
        for number in range(KILLS):
            question = f"{number}번째 질문"
            due[question] = _killed_in_mid_reply(tmp_path, far, question, dice.randrange(150))
    with Store(tmp_path / "kullm.db") as store:
        kept = {turns[0].content: turns[-1] for turns in map(store.thread, (one.id for one in store.conversations()))}
    assert kept.keys() == due.keys()
    for question, reply in kept.items():
        assert reply.role == "assistant"
        assert reply.state == "failed"  # the next start says that the program ended in the middle
        words = [int(word) for word in reply.content.split()]
        assert words == list(range(1, len(words) + 1))
        assert len(words) >= due[question], question


def _killed_in_mid_reply(home: Path, far: OpenAIServer, question: str, count: int) -> int:
    """How many words must have been kept: those that were sent once there were `count` of them, as soon as they are in the file."""
    words = Words()
    far.script.append(Reply(words))
    app = Terminal(home)
    app.waits_for("구름")
    app.types(question)
    app.waits_for(question)
    app.types("\r")
    words.waits_for_the_first()
    deadline = time.monotonic() + _SECONDS
    with Store(home / "kullm.db") as store:
        while _kept(store, question) < count:
            assert time.monotonic() < deadline, f"{_kept(store, question)} of {len(words.sent)} words are in the file"
            app.watches(0.05)
    app.is_killed()
    return count


def _kept(store: Store, question: str) -> int:
    """Words of the reply to this question that are in the file by now."""
    (thread,) = [turns for one in store.conversations() if (turns := store.thread(one.id))[0].content == question]
    return len(thread[-1].content.split()) if len(thread) > 1 else 0
