"""Files that strangers make, mutated, and what kullm reads each of them with: one table for the seeded mutator and the guided one.

A reader may refuse with a KullmError and with nothing else, and leaves a home as it found it.
"""

import copy
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.hub.cache import is_whole
from kullm_tui.core.models.adapters import free_name, import_adapter, list_adapters, read_adapter_folder, remove_adapter
from kullm_tui.core.models.folder_profile import profile_of_folder
from kullm_tui.core.models.memory_need import memory_need
from kullm_tui.core.models.prompting import read_json
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.templates.render_process import run_template
from kullm_tui.core.text import storable
from kullm_tui.weights.adapter_files import read_adapter
from kullm_tui.weights.files import open_checkpoint

DEMO = Path(paths.__file__).parents[1] / "demo"
CONFIG = (DEMO / "base" / "config.json").read_bytes()
TOKENIZER_CONFIG = (DEMO / "base" / "tokenizer_config.json").read_bytes()
TEMPLATE = (DEMO / "base" / "chat_template.jinja").read_bytes()
ADAPTER_CONFIG = (DEMO / "adapters" / "kullm" / "adapter_config.json").read_bytes()
FACTS = (DEMO / "adapters" / "kullm" / "kullm.toml").read_bytes()
_TENSORS = {
    "base_model.model.layers.0.query.lora_A.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]},
    "base_model.model.layers.0.query.lora_B.weight": {"dtype": "BF16", "shape": [4, 2], "data_offsets": [32, 48]},
}
_HEADER = json.dumps({"__metadata__": {"format": "pt"}, **_TENSORS}).encode()
WEIGHTS = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(48)
INDEX = json.dumps(
    {"metadata": {"total_size": 48}, "weight_map": dict.fromkeys(_TENSORS, "model.safetensors")}
).encode()
ADAPTER = {"adapter_config.json": ADAPTER_CONFIG, "adapter_model.safetensors": WEIGHTS, "kullm.toml": FACTS}


def packed_as_zip(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def packed_as_tar(files: dict[str, bytes], mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


# -- what reads each kind; `place` is a folder of its own, outside the home


def read_archive(data: bytes, place: Path) -> None:
    (place / "adapter.zip").write_bytes(data)
    name = free_name("tried")
    try:
        import_adapter(place / "adapter.zip", name)
        list_adapters()
    finally:
        if (paths.adapters_dir() / name).exists():
            remove_adapter(name)


def read_tensors(data: bytes, place: Path) -> None:
    (place / "model.safetensors").write_bytes(data)
    open_checkpoint(place)


def read_index(data: bytes, place: Path) -> None:
    (place / "model.safetensors").write_bytes(WEIGHTS)
    (place / "model.safetensors.index.json").write_bytes(data)
    is_whole(place)
    open_checkpoint(place)


def read_config(data: bytes, place: Path) -> None:
    (place / "config.json").write_bytes(data)
    (place / "model.safetensors").write_bytes(WEIGHTS)
    memory_need(resolve(str(place)).profile, "4bit", [])
    read_json(place / "config.json")


def read_tokenizer_config(data: bytes, place: Path) -> None:
    (place / "config.json").write_bytes(CONFIG)
    (place / "tokenizer_config.json").write_bytes(data)
    profile_of_folder(place, "tried")
    read_json(place / "tokenizer_config.json")


def read_adapter_config(data: bytes, place: Path) -> None:
    for name, content in (ADAPTER | {"adapter_config.json": data}).items():
        (place / name).write_bytes(content)
    read_adapter_folder(place)
    read_adapter(place)


def read_adapter_weights(data: bytes, place: Path) -> None:
    for name, content in (ADAPTER | {"adapter_model.safetensors": data}).items():
        (place / name).write_bytes(content)
    read_adapter(place)


def read_facts(data: bytes, place: Path) -> None:
    (place / "config.json").write_bytes(CONFIG)
    (place / "kullm.toml").write_bytes(data)
    profile_of_folder(place, "tried")


def run_as_template(data: bytes, _place: Path) -> None:
    messages = [{"role": "user", "content": "안녕?"}, {"role": "assistant", "content": "네"}]
    run_template(data.decode(errors="replace"), {"messages": messages, "add_generation_prompt": True, "eos_token": "$"})


@dataclass(frozen=True)
class Kind:
    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], None]


KINDS = (
    Kind("zip", (packed_as_zip(ADAPTER), packed_as_zip({f"a/{name}": data for name, data in ADAPTER.items()})), read_archive),
    Kind("tar", tuple(packed_as_tar(ADAPTER, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz")), read_archive),
    Kind("safetensors", (WEIGHTS,), read_tensors),
    Kind("index", (INDEX,), read_index),
    Kind("config", (CONFIG,), read_config),
    Kind("tokenizer config", (TOKENIZER_CONFIG,), read_tokenizer_config),
    Kind("adapter config", (ADAPTER_CONFIG,), read_adapter_config),
    Kind("adapter weights", (WEIGHTS,), read_adapter_weights),
    Kind("kullm.toml", (FACTS,), read_facts),
    Kind("template", (TEMPLATE, b"{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"), run_as_template),
)  # fmt: skip


def attempt(kind: Kind, data: bytes, place: Path) -> str:
    """What came of it; anything but a KullmError goes on."""
    try:
        kind.read(data, place)
    except KullmError as refusal:
        storable(str(refusal)).encode()  # it can be told
        return "refused"
    return "read"


# -- the seeded mutator

_DEEP = "[" * 5_000 + "]" * 5_000
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 2**31, 2**63, -(2**64), 10**400, "", "\x00", "../../x", "/etc/passwd", "가" * 300, [], {}, [[]],
    ["x"] * 50, {"": {}}, {"__metadata__": 1}, float("nan"), float("inf"), "\ud800", "{{ x }}", [None], {"content": []},
)  # fmt: skip
_PIECES = (
    b"\x00", b"\xff" * 8, b"\xed\xa0\x80", b"[" * 3_000, b'{"a":' * 3_000, b"9" * 5_000, b"1e999", b"NaN", b"\\ud800",
    b"PK\x03\x04", b"PK\x05\x06", b"\x00\x08", b"../", b"ustar\x0000", b"\x7f\xff\xff\xff", b"{{", b"{%", b"%}", b"}}",
    b"{% for i in range(99999999) %}", b"{{ '%9999999d' % 1 }}", b"{{ x.y.z }}", b"''' = [", b"\n[[x]]\n", b"9e99", b"-",
)  # fmt: skip


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """By its structure where it has one, or byte by byte."""
    if seed[:1] == b"{" and seed[1:2] not in (b"%", b"{") and chance.random() < 0.6:
        return _of_another_shape(seed, chance)
    data = bytearray(seed)
    for _ in range(chance.randrange(1, 5)):
        chance.choice(_CHANGES)(data, chance.randrange(len(data) + 1), chance)
    if data[8:9] == b"{" and chance.random() < 0.7:  # a safetensors header whose length is right again
        data[:8] = max(0, data.rfind(b"}") - 7).to_bytes(8, "little")
    return bytes(data)


def _of_another_shape(seed: bytes, chance: random.Random) -> bytes:
    try:
        value = json.loads(seed)
    except (ValueError, RecursionError):
        return seed[: chance.randrange(len(seed))]
    for _ in range(chance.randrange(1, 4)):
        holder, place = chance.choice(list(_places(value)) or [([None], 0)])
        holder[place] = copy.deepcopy(chance.choice(_VALUES))
    if chance.random() < 0.05:
        return _DEEP.encode()
    if chance.random() < 0.05:
        value = chance.choice(_VALUES)
    return json.dumps(value).encode()


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for place, inner in items:
        yield value, place
        yield from _places(inner)


def _flip(data: bytearray, at: int, chance: random.Random) -> None:
    data[at : at + 1] = bytes(byte ^ (1 << chance.randrange(8)) for byte in data[at : at + 1])


def _set(data: bytearray, at: int, chance: random.Random) -> None:
    data[at : at + 4] = chance.randbytes(len(data[at : at + 4]))


def _insert(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = chance.choice(_PIECES)


def _overwrite(data: bytearray, at: int, chance: random.Random) -> None:
    piece = chance.choice(_PIECES)
    data[at : at + len(piece)] = piece


def _drop(data: bytearray, at: int, chance: random.Random) -> None:
    del data[at : at + chance.randrange(1, 64)]


def _repeat(data: bytearray, at: int, chance: random.Random) -> None:
    data[at:at] = data[at : at + chance.randrange(1, 512)]


def _cut(data: bytearray, at: int, _chance: random.Random) -> None:
    del data[at:]


_CHANGES = (_flip, _flip, _set, _insert, _overwrite, _drop, _repeat, _cut)
