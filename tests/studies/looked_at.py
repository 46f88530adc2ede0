"""A report as a reader sees it in a browser: what of it is too wide, too small or cut off."""

from pathlib import Path

from tests.chromium import Chromium

PHONE, DESK = 390, 1280
_SMALLEST = 12  # CSS pixels of a letter
_SCROLL_BAR = 20
_PROBE = """
(() => {
  const root = document.documentElement, found = [], name = (one) => one.textContent.trim().slice(0, 40);
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide`);
  for (const frame of document.querySelectorAll(".table, figure, pre, ul, p")) {
    const box = frame.getBoundingClientRect(), scrolls = ["auto", "scroll"].includes(getComputedStyle(frame).overflowX);
    if (box.left < 0 || box.right > root.clientWidth + 1) found.push(`beyond the page: ${name(frame)}`);
    if (frame.scrollWidth > frame.clientWidth + 1 && !scrolls) found.push(`cut off: ${name(frame)}`);
  }
  for (const cell of document.querySelectorAll("caption, th, td")) {
    const style = getComputedStyle(cell), box = cell.getBoundingClientRect(), text = document.createRange();
    if (cell.closest("thead") && getComputedStyle(cell.closest("thead")).position == "absolute") continue;
    if (parseFloat(style.fontSize) < SMALLEST) found.push(`too small: ${name(cell)}`);
    text.selectNodeContents(cell);
    for (const line of text.getClientRects())
      if (line.left < box.left - 1 || line.right > box.right + 1) found.push(`over its cell: ${name(cell)}`);
    const wide = text.getBoundingClientRect().width / parseFloat(style.fontSize);
    if (cell.textContent.trim().length > 12 && wide < 4) found.push(`letter under letter: ${name(cell)}`);
  }
  return found;
})()
"""


def faults(browser: Chromium, page: Path, width: int) -> list[str]:
    browser.open(page, width=width)
    assert width - _SCROLL_BAR <= browser.asks("document.documentElement.clientWidth") <= width
    assert browser.asks("document.querySelectorAll('table').length") > 0
    told: list[str] = browser.asks(_PROBE.replace("SMALLEST", str(_SMALLEST)))
    return told
