"""ChatGPT's export: `conversations.json`, alone or in the zip that it comes in.

Its trees stay trees. What was never shown (hidden nodes, calls of tools and what they answered, thoughts) is left out, and
what stood below it moves up. A reply that was written in several pieces around such calls is one reply here. Pictures
and sound are not in the file's text: a placeholder says that they were there.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.language import say
from kullm_tui.core.records import ROLES, Role
from kullm_tui.core.store.portable import LATEST_TIME, PortableConversation, PortableMessage
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.text import storable

_NEVER_SHOWN = ("thoughts", "reasoning_recap", "user_editable_context", "model_editable_context", "system_error")
# What ChatGPT's own page replaces by footnotes: private-use marks around the number of a source.
_SOURCE_MARK = re.compile("\ue200[^\ue201]{0,500}\ue201")


@dataclass
class _Node:
    """A message of the export on its way to ours."""

    name: str
    role: Role
    text: str
    created: float
    model: str | None
    parent: "str | None" = None


def read_chatgpt(rows: object) -> tuple[list[PortableConversation], int]:
    """The conversations, and how many rows are none that can be read."""
    if isinstance(rows, Mapping) and "mapping" in rows:
        rows = [rows]
    if not isinstance(rows, list):
        raise ImportRefused(say("ChatGPT의 대화 목록이 아니에요.", "this is no list of ChatGPT's conversations."))
    found = [conversation for row in rows if (conversation := _conversation(row))]
    if rows and not found:
        raise ImportRefused(
            say("ChatGPT의 대화가 하나도 들어 있지 않아요.", "there is no conversation of ChatGPT's in it.")
        )
    return found, len(rows) - len(found)


def _conversation(row: object) -> PortableConversation | None:
    """None for a row that is no conversation, or says nothing."""
    if not isinstance(row, Mapping) or not isinstance(row.get("mapping"), Mapping):
        return None
    identity = row.get("conversation_id") or row.get("id")
    if not isinstance(identity, str) or not 0 < len(identity) <= 200:
        return None
    created = _time(row.get("create_time"), time.time())
    nodes = _merged(_kept_nodes(row["mapping"], created, row.get("default_model_slug")))
    if not nodes:
        return None
    numbers = {node.name: number for number, node in enumerate(nodes, start=1)}
    return PortableConversation(
        f"chatgpt-{storable(identity)}",
        title_of(row["title"] if isinstance(row.get("title"), str) else nodes[0].text),
        created,
        max(created, _time(row.get("update_time"), created)),
        tuple(_message(node, numbers) for node in nodes),
        row.get("is_starred") is True,
        _leaf(row.get("current_node"), row["mapping"], numbers),
    )


def _message(node: _Node, numbers: Mapping[str, int]) -> PortableMessage:
    parent = numbers[node.parent] if node.parent else None
    return PortableMessage(numbers[node.name], parent, node.role, node.text, node.created, model=node.model)


def _kept_nodes(mapping: Mapping[str, Any], created: float, model: object) -> list[_Node]:
    """Parents before children, children in the order that the export gives them; each under the next kept one above."""
    below = _children(mapping)
    kept: list[_Node] = []
    waiting: list[tuple[str, str | None]] = [(name, None) for name in reversed(below[None])]
    while waiting:
        name, above = waiting.pop()
        node = _node(name, mapping[name], created, model)
        if node:
            node.parent = above
            kept.append(node)
            above = name
        waiting += [(child, above) for child in reversed(below.get(name, []))]
    return kept


def _children(mapping: Mapping[str, Any]) -> dict[str | None, list[str]]:
    """Who names whom as parent. Nodes that stand in a circle are reached from nowhere."""
    places: dict[str, int] = {}
    for node in mapping.values():
        listed = node.get("children") if isinstance(node, Mapping) else None
        for child in listed if isinstance(listed, list) else ():
            if isinstance(child, str):
                places.setdefault(child, len(places))
    below: dict[str | None, list[str]] = {None: []}
    for name in sorted(mapping, key=lambda name: places.get(name, len(places))):
        node = mapping[name]
        parent = node.get("parent") if isinstance(node, Mapping) else None
        known = isinstance(parent, str) and parent in mapping and parent != name
        below.setdefault(parent if known else None, []).append(name)
    return below


def _node(name: str, node: object, created: float, model: object) -> _Node | None:
    message = node.get("message") if isinstance(node, Mapping) else None
    if not isinstance(message, Mapping):
        return None
    author, metadata = _mapping(message, "author"), _mapping(message, "metadata")
    role = author.get("role")
    if role not in ROLES or metadata.get("is_visually_hidden_from_conversation") is True:
        return None
    if role == "assistant" and message.get("recipient") not in (None, "all"):
        return None
    text = _text(_mapping(message, "content"), metadata)
    if not text:
        return None
    named = metadata.get("model_slug") or model
    made_by = storable(named) if role == "assistant" and isinstance(named, str) else None
    return _Node(name, cast(Role, role), text, _time(message.get("create_time"), created), made_by)


def _text(content: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    kind, parts = content.get("content_type"), content.get("parts")
    if kind in _NEVER_SHOWN:
        return ""
    if isinstance(parts, list):
        pieces = [_part(part) for part in parts]
    else:
        pieces = [next((content[name] for name in ("text", "result") if isinstance(content.get(name), str)), "")]
        if kind == "code" and pieces[0]:
            pieces = [f"```\n{pieces[0]}\n```"]
    pieces += [_placeholder(say("첨부", "attachment"), name) for name in _attachments(metadata)]
    return storable(_SOURCE_MARK.sub("", "\n\n".join(filter(None, pieces)))).strip()


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return ""
    kind = str(part.get("content_type", ""))
    if isinstance(part.get("text"), str):  # what was spoken, written down
        return str(part["text"])
    if "image" in kind:
        return _placeholder(say("그림", "picture"))
    if "audio" in kind or "video" in kind:
        return _placeholder(say("소리나 영상", "sound or video"))
    return _placeholder(say("글이 아닌 것", "something that is no text"))


def _placeholder(what: str, name: str = "") -> str:
    return f"[{what}: {name}]" if name else f"[{what}]"


def _attachments(metadata: Mapping[str, Any]) -> Iterator[str]:
    listed = metadata.get("attachments")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("name"), str):
            yield " ".join(one["name"].split())


def _merged(nodes: list[_Node]) -> list[_Node]:
    """A reply directly below a reply that goes on nowhere else is its continuation."""
    of = {node.name: node for node in nodes}
    followers: dict[str | None, int] = {}
    for node in nodes:
        followers[node.parent] = followers.get(node.parent, 0) + 1
    moved: dict[str, str] = {}
    for node in nodes:
        above = moved.get(node.parent or "", node.parent)
        follows = above is not None and node.role == of[above].role == "assistant" and followers[node.parent] == 1
        if above is not None and follows:
            of[above].text += f"\n\n{node.text}"
            moved[node.name] = above
        node.parent = above
    return [node for node in nodes if node.name not in moved]


def _leaf(current: object, mapping: Mapping[str, Any], numbers: Mapping[str, int]) -> int | None:
    """Where the user was: that node, or the next one above it that was kept."""
    for _ in range(len(mapping)):
        if not isinstance(current, str) or current in numbers:
            break
        current = _mapping(mapping, current).get("parent")
    return numbers.get(current) if isinstance(current, str) else None


def _mapping(owner: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, Mapping) else {}


def _time(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value <= LATEST_TIME else otherwise
