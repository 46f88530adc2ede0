"""A TrueType font made on the spot: a large square for each character it has, a small one for every other."""

import struct
from pathlib import Path

_EM = 1000


def save_font(path: Path, characters: str) -> Path:
    glyphs = [_square(200), _square(800)]
    tables = {
        b"cmap": _cmap(characters),
        b"glyf": b"".join(glyphs),
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _EM, 0, 0, 0, 0, 800, 800, 0, 8, 2, 0, 0
        ),  # fmt: skip
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, 900, -100, 0, 1000, 0, 0, 800, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", _EM, 0, _EM, 0),
        b"loca": struct.pack(">HHH", 0, len(glyphs[0]) // 2, len(glyphs[0] + glyphs[1]) // 2),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    head = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, len(tables) * 16 - 64)
    place, directory, bodies = len(head) + 16 * len(tables), b"", b""
    for tag, body in sorted(tables.items()):
        directory += struct.pack(">4sIII", tag, _sum(body), place + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    path.write_bytes(head + directory + bodies)
    return path


def _square(side: int) -> bytes:
    """One contour of four points on the curve, each coordinate two bytes relative to the last."""
    corners = ((0, 0), (0, side), (side, 0), (0, -side))
    across, up = (struct.pack(">4h", *(corner[axis] for corner in corners)) for axis in (0, 1))
    glyph = struct.pack(">hhhhh", 1, 0, 0, side, side) + struct.pack(">HH", 3, 0) + bytes([1] * 4) + across + up
    return glyph + bytes(-len(glyph) % 4)


def _cmap(characters: str) -> bytes:
    """Format 12: a group a character, all of them the second glyph."""
    groups = b"".join(struct.pack(">III", ord(one), ord(one), 1) for one in sorted(set(characters)))
    count = len(groups) // 12
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, count) + groups


def _sum(body: bytes) -> int:
    padded = body + bytes(-len(body) % 4)
    total: int = sum(struct.unpack(f">{len(padded) // 4}I", padded))
    return total & 0xFFFFFFFF
