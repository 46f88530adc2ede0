"""Searching as one types in Korean, through the store."""

import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullm_tui.core.records import Message
from kullm_tui.core.store import database
from kullm_tui.core.store.database import Database
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.search import Searches
from kullm_tui.core.store.store import Store


def say_in(store: Store, text: str, *, more: str = "", title: str = "제목") -> int:
    conversation = store.create_conversation(title)
    store.add_user_turn(conversation.id, Message("user", text, more), parent_id=conversation.leaf_id)
    return conversation.id


def found(store: Store, query: str) -> list[str]:
    """What of each hit is marked."""
    return [hit.excerpt[hit.start : hit.end] for hit in store.search(query)]


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("수", "수"),
        ("수도", "수도"),
        ("수ㄷ", "수도"),  # as typed without an input method
        ("숟", "수도"),  # as an input method shows it on the way
        ("\u1109\u116e\u1103\u1169", "수도"),  # as macOS writes it
        ("도는", "도는"),
        ("모델", "모델"),  # with a particle behind it
        ("ai", "AI"),
        ("Ai모", "AI모"),
        ("ㅋㅋ", "ㅋㅋ"),
        ("ㅋㅋㅋ", "ㅋㅋㅋ"),
        ("값", "갑시"),
        ("읽", "읽"),
        ("이", "이"),
        ("가", "갑"),  # on the way to 갑시다
        ("은 가", "은"),
        ("입력글", "입력글"),
    ],
)
def test_what_one_types_is_found(store: Store, query: str, marked: str) -> None:
    say_in(store, "대한민국의 수도는 어디? AI모델은 갑시다 읽어 이제 ㅋㅋㅋ", more="입력글")
    say_in(store, "상관없는 글")
    assert found(store, query) == [marked]


def test_a_word_as_it_stands_comes_before_what_it_could_become(store: Store) -> None:
    say_in(store, "책상 위의 채권")
    assert found(store, "책") == ["책"]
    assert found(store, "채ㄱ") == ["채권"]


def test_all_words_must_occur_in_one_message(store: Store) -> None:
    both = say_in(store, "서울은 수도이다")
    say_in(store, "서울은 도시이다")
    say_in(store, "수도를 틀다")
    assert [hit.conversation.id for hit in store.search("수도 서울")] == [both]
    assert [hit.conversation.id for hit in store.search("서 수")] == [both]
    assert store.search("수도 부산") == []


@pytest.mark.parametrize("query", ["%", "_", "*", '"', "'", "[", "]", "?", "\\", '"수', "*수", "^수", "-수", "100%_"])
def test_nothing_in_a_query_is_obeyed(store: Store, query: str) -> None:
    say_in(store, "수 하나")
    holding = say_in(store, f"앞 {query} 뒤")
    assert [hit.conversation.id for hit in store.search(query)] == [holding]


@pytest.mark.parametrize("query", ["수 OR 눈", "NEAR(수 눈)", "NOT 눈", "text:수", "수도 AND 서울", "{text}: 수"])
def test_the_words_of_the_index_language_are_words(store: Store, query: str) -> None:
    say_in(store, "수도 서울 하나")
    assert store.search(query) == []


@given(query=st.text(max_size=40) | st.text(alphabet="수도ㄷㅋㅏ\u1109\u11ab\"'*%_[]()-^: \0\ud800aİß", max_size=20))
@settings(max_examples=300, deadline=None)
def test_no_query_fails_and_every_mark_lies_in_its_excerpt(
    query: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = _shared(tmp_path_factory)
    for hit in store.search(query):
        assert 0 <= hit.start <= hit.end <= len(hit.excerpt)


_opened: list[Store] = []


def _shared(folders: pytest.TempPathFactory) -> Store:
    if not _opened:
        _opened.append(Store(folders.mktemp("search") / "kullm.db"))
        say_in(_opened[0], "수도ㄷㅋㅏ \"'*%_[]()-^: İstanbul ß 강\u11ab \u202e\x1b[31m 끝" * 9, title='"제목" 수')
    return _opened[0]


def test_a_text_that_holds_the_query_is_found(store: Store) -> None:
    @given(text=st.text(min_size=1, max_size=30), data=st.data())
    @settings(max_examples=150, deadline=None)
    def holds(text: str, data: st.DataObject) -> None:
        conversation = say_in(store, text)
        words = Message("user", text).content.encode(errors="replace").decode().replace("\0", "").split()
        if words:
            word = data.draw(st.sampled_from(words))
            hits = store.search(word, limit=10_000)
            assert conversation in {hit.conversation.id for hit in hits}
        store.purge(conversation)

    holds()


def test_titles_are_found_and_stay_found_under_their_new_name(store: Store) -> None:
    conversation = say_in(store, "본문", title="여행 계획")
    [hit] = store.search("여행")
    assert (hit.conversation.id, hit.message_id, hit.excerpt) == (conversation, None, "여행 계획")
    assert store.rename(conversation, "  출장\n계획 ") == "출장"
    assert store.search("여행") == []
    assert [hit.conversation.title for hit in store.search("출장")] == ["출장"]


def test_the_newest_come_first_and_one_conversation_does_not_fill_the_list(store: Store) -> None:
    first = say_in(store, "수도 하나")
    second = say_in(store, "수도 둘")
    for _ in range(9):
        store.add_user_turn(first, Message("user", "수도 또"), parent_id=None)
    hits = store.search("수도")
    assert [hit.conversation.id for hit in hits] == [first] * 3 + [second]
    assert [hit.message_id for hit in hits[:3]] == sorted((hit.message_id or 0 for hit in hits[:3]), reverse=True)
    assert len(store.search("수도", limit=2)) == 2


def test_the_deleted_are_not_found_until_they_are_restored(store: Store) -> None:
    conversation = say_in(store, "수도", title="수도")
    store.delete(conversation)
    assert (store.search("수도"), store.search("수")) == ([], [])
    store.restore(conversation)
    assert len(store.search("수도")) == len(store.search("수")) == 2
    store.delete(conversation)
    assert store.purge_deleted(older_than_s=60) == 0
    assert store.purge_deleted() == 1
    assert (store.search("수도"), store.search("수")) == ([], [])


def test_a_reply_is_found_once_it_has_ended(store: Store) -> None:
    conversation = say_in(store, "질문")
    with store.open_reply(conversation, store.thread(conversation)[-1].id, ReplySource("m")) as journal:
        journal.feed("서울특별시")
        assert store.search("특별시") == []
    assert found(store, "특별시") == ["특별시"]


def test_system_texts_do_not_fill_the_list(store: Store) -> None:
    store.create_conversation("질문", system="친절한 선생님")
    assert store.search("선생님") == store.search("친") == []


def test_an_excerpt_is_one_line_that_a_terminal_can_show(store: Store) -> None:
    say_in(store, "앞" * 50 + "\n\n\x1b[31m둘째\t줄의 수도\x1b]0;제목\x07 뒤\u202e" + "뒤" * 200)
    [hit] = store.search("수도")
    assert hit.excerpt[hit.start : hit.end] == "수도"
    assert hit.excerpt.startswith("…")
    assert hit.excerpt.endswith("…")
    assert not set("\x1b\x07\n\t\u202e") & set(hit.excerpt)
    assert len(hit.excerpt) < 120


def test_a_newer_search_ends_the_one_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(300):
        say_in(store, "가나다라 " * 200)
    entered, overtaken = threading.Event(), threading.Event()

    def slow(content: str, _: str) -> str:
        entered.set()
        overtaken.wait(60)
        return content

    with closing(Database(store._database.path)) as slowed:
        with slowed.reading() as connection:
            connection.create_function("decomposed", 2, slow, deterministic=True)
        searches = Searches(slowed)
        answers: list[object] = []
        older = threading.Thread(target=lambda: answers.append(searches.find("다라마바", limit=5)))
        monkeypatch.setattr("kullm_tui.core.store.search._STEPS_BETWEEN_LOOKS", 1)
        older.start()
        older.join()
        assert not entered.is_set()  # nothing holds all of it, so no text is even read
        older = threading.Thread(target=lambda: answers.append(searches.find("가나다라", limit=5)))
        older.start()
        assert entered.wait(60)
        searches._newest += 1
        overtaken.set()
        older.join()
    assert answers == [[], []]


def test_conversations_from_before_the_index_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    migrations = database._migrations("kullm_tui.core.store")
    monkeypatch.setattr(database, "_migrations", lambda _package: migrations[:1])
    with closing(Database(path)) as old, old.transaction() as connection:
        connection.execute("INSERT INTO conversations (id, title, created, updated) VALUES (7, '옛 제목', 1, 2)")
        connection.execute(
            "INSERT INTO messages (conversation_id, role, content, created, state)"
            " VALUES (7, 'user', '대한민국의 수도는?', 1, 'complete')"
        )
    monkeypatch.setattr(database, "_migrations", lambda _package: migrations)
    with Store(path) as store:
        assert found(store, "수도는") == ["수도는"]
        assert found(store, "옛 제목") == ["옛"]
        assert [turn.content for turn in store.thread(7)] == ["대한민국의 수도는?"]
    assert (tmp_path / "old.db.backup-1").is_file()
