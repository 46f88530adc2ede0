"""What ChatGPT exports, as its files look, and as somebody hostile would write them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.store.store import Store
from kullm_tui.core.transfer import import_file as import_file_module
from kullm_tui.core.transfer.chatgpt import read_chatgpt
from kullm_tui.core.transfer.import_file import import_file, read_file


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("KULLM_LANG", "ko")
    with Store(tmp_path / "kullm.db") as opened:
        yield opened


def node(
    parent: str | None, children: list[str], role: str = "", content: Any = None, **message: Any
) -> dict[str, Any]:
    if not role:
        return {"message": None, "parent": parent, "children": children}
    content = {"content_type": "text", "parts": [content]} if isinstance(content, str) else content
    author: dict[str, Any] = {"role": role, "name": None, "metadata": {}}
    said = {"author": author, "content": content, "create_time": 5.0, "recipient": "all", "metadata": {}, **message}
    return {"message": said, "parent": parent, "children": children}


def export(**mapping: Any) -> dict[str, Any]:
    return {
        "title": "수도 이야기",
        "create_time": 1700000000.5,
        "update_time": 1700000100.5,
        "mapping": mapping,
        "current_node": next(reversed(mapping), None),
        "conversation_id": "6f0c",
        "default_model_slug": "gpt-4o",
    }


HIDDEN = {"metadata": {"is_visually_hidden_from_conversation": True}}
REAL = export(
    root=node(None, ["sys"]),
    sys=node("root", ["profile"], "system", "", **HIDDEN),
    profile=node("sys", ["q"], "user", {"content_type": "user_editable_context", "user_profile": "나"}),
    q=node("profile", ["think", "again"], "user", "수도는?"),
    again=node("q", [], "assistant", "부산", metadata={"model_slug": "gpt-4"}),
    think=node("q", ["call"], "assistant", {"content_type": "thoughts", "thoughts": [{"content": "흠"}]}),
    call=node("think", ["tool"], "assistant", {"content_type": "code", "text": "1+1"}, recipient="python"),
    tool=node("call", ["part"], "tool", {"content_type": "execution_output", "text": "2"}),
    part=node("tool", ["rest"], "assistant", "서울\ue200cite\ue202turn0\ue201입니다."),
    rest=node("part", ["photo"], "assistant", "그리고 한강."),
    photo=node(
        "rest",
        [],
        "user",
        {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}, "이건?"]},
        metadata={"attachments": [{"name": "보고서.pdf"}]},
    ),
)


def test_a_real_tree_comes_in_with_its_branches(store: Store, tmp_path: Path) -> None:
    (tmp_path / "conversations.json").write_text(json.dumps([REAL]))
    imported, unreadable = import_file(store, tmp_path / "conversations.json")
    assert (imported.new, imported.messages, unreadable) == (1, 4, 0)
    [conversation] = store.conversations()
    assert (conversation.title, conversation.created, conversation.updated) == (
        "수도 이야기",
        1700000000.5,
        1700000100.5,
    )
    question, answer, photo = store.thread(conversation.id)
    assert (question.content, answer.content) == ("수도는?", "서울입니다.\n\n그리고 한강.")
    assert photo.content == "[그림]\n\n이건?\n\n[첨부: 보고서.pdf]"
    assert (answer.model, len(answer.siblings)) == ("gpt-4o", 2)
    other = store.thread(conversation.id, answer.siblings[1])[-1]
    assert (other.content, other.model) == ("부산", "gpt-4")


def test_an_export_that_has_grown_adds_only_what_is_new(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([REAL]))
    import_file(store, file)
    assert import_file(store, file)[0].known == 1
    longer = json.loads(json.dumps(REAL))
    longer["mapping"]["photo"]["children"] = ["new"]
    longer["mapping"]["new"] = node("photo", [], "assistant", "보고서입니다.")
    file.write_text(json.dumps([longer]))
    imported, _ = import_file(store, file)
    assert (imported.grown, imported.messages) == (1, 1)
    assert len(store.conversations()) == 1


def zipped(path: Path, **files: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "-") + ".json", data)
    return path


def test_the_zip_as_it_comes_is_read(store: Store, tmp_path: Path) -> None:
    second = REAL | {"conversation_id": "other"}
    path = zipped(
        tmp_path / "export.zip",
        user="{}",
        conversations__000=json.dumps([REAL]),
        conversations__001=json.dumps([second]),
    )
    assert import_file(store, path)[0].new == 2


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(tmp_path / "bomb.zip", conversations=b"[" + b" " * 50_000_000 + b"]")
    with pytest.raises(ImportRefused, match=r"수상|suspicious"):
        read_file(bomb)
    monkeypatch.setattr(import_file_module, "_LARGEST_BYTES", 1000)
    with pytest.raises(ImportRefused, match=r"커요|large"):
        read_file(zipped(tmp_path / "large.zip", conversations=json.dumps([REAL])))


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", conversations=json.dumps([REAL]))
    data = bytearray(path.read_bytes())
    data[60:120] = b"\xa5" * 60
    path.write_bytes(data)
    with pytest.raises(ImportRefused):
        read_file(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImportRefused):
        read_file(path)
    with pytest.raises(ImportRefused):
        read_file(zipped(tmp_path / "other.zip", photos="[]"))


@pytest.mark.parametrize(
    "data", [b"[", b"[1, 2]", b'[{"mapping": 3}]', b'{"mapping": {}}', b"\xef\xbb\xbf[\xff]", b"[" * 9999]
)
def test_what_is_no_export_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ImportRefused):
        read_file(tmp_path / "file")


def test_rows_that_say_nothing_are_counted(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps([REAL, 3, export(root=node(None, [])), {"mapping": {"a": None}}]))
    imported, unreadable = import_file(store, tmp_path / "file")
    assert (imported.new, unreadable) == (1, 3)


def test_a_tree_of_fifty_thousand_and_a_circle_are_borne() -> None:
    chain: dict[str, Any] = {}
    for number in range(50_000):
        role = "user" if number % 2 else "assistant"
        chain[f"n{number}"] = node(f"n{number - 1}" if number else None, [f"n{number + 1}"], role, f"글 {number}")
    chain["a"], chain["b"] = node("b", ["b"], "user", "돌고"), node("a", ["a"], "user", "돈다")
    [conversation], _ = read_chatgpt([export(**chain)])
    assert len(conversation.messages) == 50_000


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "parent", "children", "author", "role", "content", "parts", "content_type", "a", "b"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(mapping=st.dictionaries(st.sampled_from(["a", "b", "c"]), junk), row=st.dictionaries(
    st.sampled_from(["title", "create_time", "update_time", "current_node", "is_starred"]), junk))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_no_junk_gets_further_than_a_refusal(mapping: dict[str, Any], row: dict[str, Any]) -> None:
    try:
        read_chatgpt([export(**mapping) | row | {"mapping": mapping}])
    except ImportRefused:
        return
