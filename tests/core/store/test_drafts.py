"""What was begun and not sent: kept by conversation, and only for those who come after the program that it was typed into."""

import subprocess
import sys
from pathlib import Path

import pytest

from kullm_tui.core.records import Message
from kullm_tui.core.store.drafts import Edited, StoredDraft
from kullm_tui.core.store.store import Store

_KEEP_AND_STAY = """
import sys
from pathlib import Path
from kullm_tui.core.store.drafts import StoredDraft
from kullm_tui.core.store.store import Store
Store(Path(sys.argv[1])).drafts.put({None: StoredDraft("다른 창에서")})
print("kept", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "conversations.db")


def test_one_draft_a_conversation_and_one_for_none(store: Store) -> None:
    conversation = store.create_conversation("질문")
    store.drafts.put({None: StoredDraft("새것"), conversation.id: StoredDraft("이어", "입력")})
    store.drafts.put({None: StoredDraft("더 새것")})
    assert store.drafts.taken_over() == {None: StoredDraft("더 새것"), conversation.id: StoredDraft("이어", "입력")}
    store.drafts.put({None: None})
    assert set(store.drafts.taken_over()) == {conversation.id}


def test_an_edit_knows_where_its_question_hangs(store: Store) -> None:
    conversation = store.create_conversation("질문", system="지시")
    question = store.add_turn(conversation.id, Message("user", "질문"), parent_id=conversation.leaf_id)
    draft = StoredDraft("고친 질문", edits=Edited(question, conversation.leaf_id))
    store.drafts.put({conversation.id: draft})
    assert store.drafts.taken_over() == {conversation.id: draft}


def test_a_purged_conversation_takes_its_draft_along(store: Store) -> None:
    conversation = store.create_conversation("질문")
    store.drafts.put({conversation.id: StoredDraft("이어")})
    store.purge(conversation.id)
    assert store.drafts.taken_over() == {}
    store.drafts.put({conversation.id: StoredDraft("늦게 온 글")})  # another program purged it meanwhile
    assert store.drafts.taken_over() == {}


def test_what_stands_in_a_running_programs_prompt_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    with subprocess.Popen(
        [sys.executable, "-c", _KEEP_AND_STAY, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "kept\n"
        with Store(path) as store:
            assert store.drafts.taken_over() == {}
            store.drafts.put({None: StoredDraft("여기서")})
            store.drafts.put({None: None})  # sent here
            other.kill()
            other.wait()
            assert store.drafts.taken_over() == {None: StoredDraft("다른 창에서")}
