"""The forms in which rows lie in files, ours and others'; read in any of them, by what stands in the row.

    kullm           {prompt: [{role, content, input?}], chosen, rejected?}       what `kullm train` reads
    trl             {prompt: [{role, content}], chosen: [message], rejected: [message]};   to imitate: {prompt, completion}
    llama-factory   {conversations: [{from, value}], system?, chosen: {from, value}, rejected: …}; the reply among the conversations
    alpaca          {instruction, input, system?, history?: [[question, reply]], chosen, rejected};   …, output

Outside ours an input stands behind its instruction, but for alpaca's last question. Texts alone, whole conversations as chosen and
rejected, and `messages` are read too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.records import BadRecord, Message, Role, message_of
from kullm_tui.core.text import terminal_safe_json
from kullm_tui.feedback.taught import Taught

Form = Literal["kullm", "trl", "llama-factory", "alpaca"]
FORMS: tuple[Form, ...] = get_args(Form)

_SHAREGPT: Mapping[Role, str] = {"system": "system", "user": "human", "assistant": "gpt"}


def written(taught: Taught, form: Form) -> dict[str, Any]:
    return {"kullm": _kullm, "trl": _trl, "llama-factory": _llama_factory, "alpaca": _alpaca}[form](taught)


def file_text(rows: Iterable[Taught], form: Form, *, as_array: bool = False) -> str:
    """JSON lines, or the one array that a .json file is."""
    found = [written(one, form) for one in rows]
    if as_array:
        return "[\n" + ",\n".join(map(terminal_safe_json, found)) + "\n]\n"
    return "".join(f"{terminal_safe_json(one)}\n" for one in found)


def write_file(path: Path, rows: Iterable[Taught], form: Form) -> None:
    """For its owner alone: people's words stand in it."""
    publish(path, file_text(rows, form, as_array=path.suffix == ".json"), mode=0o600)


def dataset_info(file: str, form: Form, *, pairs: bool) -> str:
    """What LLaMA-Factory's dataset_info.json must say of the file; empty for forms of others."""
    if form not in ("llama-factory", "alpaca"):
        return ""
    columns: dict[str, str] = {"system": "system"}
    if form == "alpaca":
        columns |= {"prompt": "instruction", "query": "input", "history": "history"}
        columns |= {} if pairs else {"response": "output"}
    else:
        columns["messages"] = "conversations"
    columns |= {"chosen": "chosen", "rejected": "rejected"} if pairs else {}
    facts: dict[str, Any] = {"file_name": file, "columns": columns}
    facts |= {"formatting": "sharegpt"} if form == "llama-factory" else {}
    facts |= {"ranking": True} if pairs else {}
    return json.dumps({"kullm_feedback": facts}, ensure_ascii=False)


def _kullm(taught: Taught) -> dict[str, Any]:
    row = {"prompt": [_with_input(one) for one in taught.prompt], "chosen": taught.chosen}
    return row if taught.rejected is None else row | {"rejected": taught.rejected}


def _with_input(message: Message) -> dict[str, str]:
    turn = {"role": message.role, "content": message.content}
    return turn | {"input": message.input} if message.input else turn


def _trl(taught: Taught) -> dict[str, Any]:
    prompt = [{"role": one.role, "content": _whole(one)} for one in taught.prompt]
    chosen = [{"role": "assistant", "content": taught.chosen}]
    if taught.rejected is None:
        return {"prompt": prompt, "completion": chosen}
    return {"prompt": prompt, "chosen": chosen, "rejected": [{"role": "assistant", "content": taught.rejected}]}


def _llama_factory(taught: Taught) -> dict[str, Any]:
    turns = [one for one in taught.prompt if one.role != "system"]
    row = {"conversations": [_sharegpt(one.role, _whole(one)) for one in turns], "system": _system(taught)}
    if taught.rejected is None:
        return {**row, "conversations": [*row["conversations"], _sharegpt("assistant", taught.chosen)]}
    return row | {
        "chosen": _sharegpt("assistant", taught.chosen),
        "rejected": _sharegpt("assistant", taught.rejected),
    }


def _sharegpt(role: Role, text: str) -> dict[str, str]:
    return {"from": _SHAREGPT[role], "value": text}


def _alpaca(taught: Taught) -> dict[str, Any]:
    *before, asked = [one for one in taught.prompt if one.role != "system"]
    history = [[_whole(one), reply.content] for one, reply in zip(before[::2], before[1::2], strict=False)]
    row: dict[str, Any] = {"instruction": asked.content, "input": asked.input, "system": _system(taught)}
    replies = (
        {"output": taught.chosen} if taught.rejected is None else {"chosen": taught.chosen, "rejected": taught.rejected}
    )
    return {**row, "history": history, **replies}


def _system(taught: Taught) -> str:
    return next((one.content for one in taught.prompt if one.role == "system"), "")


def _whole(message: Message) -> str:
    return "\n\n".join(filter(None, (message.content, message.input)))


def read(row: Mapping[str, Any]) -> Taught:
    """BadRecord names the fault."""
    prompt, replies = _parts(row)
    if not prompt or prompt[-1].role != "user" or not (prompt[-1].content.strip() or prompt[-1].input.strip()):
        raise BadRecord(say("질문으로 끝나는 prompt가 없어요.", "there is no prompt that ends with a question."))
    if not all(one.strip() for one in replies):
        raise BadRecord(say("답이 비었어요.", "a reply is empty."))
    return Taught(prompt, *replies)


def _parts(row: Mapping[str, Any]) -> tuple[tuple[Message, ...], list[str]]:
    """What was asked, and the replies to it: one, or the chosen and the rejected one."""
    if row.get("chosen") is not None:
        answers = [_messages(row, name) for name in ("chosen", "rejected") if row.get(name) is not None]
        asked = _asked(row)
        before = [one[:-1] for one in answers if len(one) > 1]
        if before and any(one != before[0] for one in before):
            raise BadRecord(
                say("chosen과 rejected의 앞부분이 서로 달라요.", "chosen and rejected have different beginnings.")
            )
        return asked or tuple(before[0] if before else ()), [_reply(one) for one in answers]
    if row.get("completion") is not None:
        return _asked(row), [_reply(_messages(row, "completion"))]
    asked = _asked(row)
    if "output" in row:
        return asked, [_reply(_messages(row, "output"))]
    return asked[:-1], [_reply(asked)]


def _asked(row: Mapping[str, Any]) -> tuple[Message, ...]:
    system = row.get("system")
    first = (Message("system", system),) if isinstance(system, str) and system else ()
    for name in ("prompt", "conversations", "messages"):
        if row.get(name) is not None:
            turns = _messages(row, name, spoken_by="user")
            return turns if turns[:1] and turns[0].role == "system" else (*first, *turns)
    if isinstance(row.get("instruction"), str):
        return (*first, *_history(row), Message("user", row["instruction"], _text(row.get("input"))))
    return ()


def _history(row: Mapping[str, Any]) -> list[Message]:
    turns: list[Message] = []
    history = row.get("history")
    for pair in history if isinstance(history, list) else ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise BadRecord(
                say("history가 질문과 답의 목록이 아니에요.", "history is no list of questions and replies.")
            )
        turns += [Message("user", pair[0]), Message("assistant", pair[1])]
    return turns


def _messages(row: Mapping[str, Any], name: str, *, spoken_by: Role = "assistant") -> tuple[Message, ...]:
    """A text, a message or several."""
    value = row[name]
    if isinstance(value, str):
        return (Message(spoken_by, value),)
    turns: Sequence[Any] = [value] if isinstance(value, Mapping) else value if isinstance(value, list) else []
    if not turns:
        raise BadRecord(say(f"{name} 열이 비었거나 글이 아니에요.", f"the column {name} is empty or no text."))
    return tuple(_message(turn) for turn in turns)


def _message(turn: Any) -> Message:
    message = message_of(turn)
    return Message(message.role, message.content, _text(turn.get("input")))


def _reply(messages: Sequence[Message]) -> str:
    if not messages or messages[-1].role != "assistant":
        raise BadRecord(say("답으로 끝나지 않아요.", "it does not end with a reply."))
    return messages[-1].content


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
