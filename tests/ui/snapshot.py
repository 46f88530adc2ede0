"""Screens as pictures: the running app's SVG against `snapshots/NAME.svg`.

A missing picture fails. `KULLM_UPDATE_SNAPSHOTS=1` writes what is there now; look at it before it is committed.
"""

import os
import re
import tempfile
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

FOLDER = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (140, 45))
_LOOKS = 120  # each after a tenth of a second at least, and later where the machine is busy


async def assert_looks_like(pilot: Pilot, name: str) -> None:
    """Sooner or later: on a busy machine something may still move, and how long is not what a picture is about."""
    golden = FOLDER / f"{name}.svg"
    if os.environ.get("KULLM_UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        golden.write_text(await _at_rest(pilot), encoding="utf-8")
        return
    wanted = golden.read_text(encoding="utf-8") if golden.exists() else ""
    for _ in range(_LOOKS if wanted else 1):
        if (shown := await _shown(pilot)) == wanted:
            return
        await pilot.pause(0.1)
    seen = Path(tempfile.gettempdir()) / f"kullm-{name}.svg"
    seen.write_text(shown, encoding="utf-8")
    why = f"differs from {golden}" if golden.exists() else f"has no {golden}"
    raise AssertionError(f"{name} {why}; what was shown: {seen}")


async def _shown(pilot: Pilot) -> str:
    await pilot.pause()
    _hold_cursors_still(pilot.app)
    await pilot.pause()
    return picture(pilot.app)


async def _at_rest(pilot: Pilot) -> str:
    """As far as it comes to rest: a line that counts seconds never does."""
    before, shown = "", await _shown(pilot)
    for _ in range(_LOOKS // 4):
        if shown == before:
            break
        before = shown
        await pilot.pause(0.5)
        shown = await _shown(pilot)
    return shown


def picture(app: App) -> str:
    """The SVG without what changes from run to run."""
    svg = app.export_screenshot(title="kullm")
    ids = re.findall(r"terminal-(\d+)-", svg)
    if ids:
        svg = svg.replace(f"terminal-{ids[0]}", "terminal")
    return svg


def text_of(app: App) -> str:
    """The screen as lines of text, for tests that look for words."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


def _hold_cursors_still(app: App) -> None:
    for field in app.screen.query("*").results():
        if isinstance(field, Input | TextArea):
            field.cursor_blink = False
            field._cursor_visible = True
