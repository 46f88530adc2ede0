"""A text file that goes into a question: read as UTF-8 or CP949, or out of a PDF, and refused where it is no text or too large."""

from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc, size_text, terminal_safe
from kullm_tui.ui.dialogs import pdf

LARGEST_BYTES = 1_000_000
_MOST_COMPLETIONS = 50
_LANGUAGES = {
    ".py": "python", ".js": "javascript", ".ts": "typescript", ".c": "c", ".h": "c", ".cpp": "cpp", ".java": "java", ".rs": "rust",
    ".go": "go", ".sh": "bash", ".sql": "sql", ".json": "json", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".html": "html",
    ".css": "css", ".md": "markdown", ".csv": "csv",
}  # fmt: skip


@dataclass(frozen=True)
class Attachment:
    name: str
    text: str
    encoding: str

    @property
    def fenced(self) -> str:
        """As part of a question; the fence is longer than any in the text."""
        fence = "```"
        while fence in self.text:
            fence += "`"
        return f"{self.name}\n{fence}{_LANGUAGES.get(Path(self.name).suffix.lower(), '')}\n{self.text}\n{fence}"


def read_attachment(path: Path) -> Attachment:
    """UsageError says why a file cannot be taken."""
    name = terminal_safe(path.name)
    try:
        if path.is_dir():
            raise UsageError(
                say(f"{name}: 폴더예요. 텍스트 파일을 골라 주세요.", f"{name} is a folder. Choose a text file.")
            )
        if not path.is_file():
            raise UsageError(say(f"{name}: 보통 파일이 아니에요.", f"{name} is not a regular file."))
        with path.open("rb") as file:
            is_pdf = file.read(len(pdf.BEGINS)) == pdf.BEGINS
        _require_small(name, path.stat().st_size, pdf.LARGEST_BYTES if is_pdf else LARGEST_BYTES)
        data = pdf.text_of(path, name) if is_pdf else path.read_bytes()
    except OSError as error:
        reason = cause_of(error)
        raise UsageError(say(f"{name}: 읽지 못했어요 ({reason}).", f"{name} cannot be read ({reason}).")) from error
    _require_small(name, len(data), LARGEST_BYTES)
    text, encoding = _decoded(data, name)
    return Attachment(name, nfc(terminal_safe(text)).rstrip("\n"), "PDF" if is_pdf else encoding)


def _require_small(name: str, size: int, largest: int) -> None:
    if size > largest:
        raise UsageError(
            say(
                f"{name}: {size_text(size)}라서 너무 커요. {size_text(largest)}까지 첨부할 수 있어요.",
                f"{name} is too large ({size_text(size)}); {size_text(largest)} is the limit.",
            )
        )


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        readings = [("utf-16", "UTF-16")]
    elif b"\0" in data:
        readings = []
    else:
        readings = [("utf-8-sig", "UTF-8"), ("cp949", "CP949")]
    for codec, said in readings:
        try:
            return data.decode(codec), said
        except UnicodeDecodeError:
            continue
    raise UsageError(
        say(
            f"{name}: 텍스트 파일이 아닌 것 같아요. UTF-8이나 CP949로 저장한 파일을 첨부해 주세요.",
            f"{name} does not look like text. Attach a file saved as UTF-8 or CP949.",
        )
    )


def completions(typed: str) -> list[str]:
    """Paths that begin as typed, folders with a slash; hidden ones only where a dot was typed."""
    if typed == "~":
        return ["~/"]
    path = paths.typed(typed or "./")
    folder, stem = (path, "") if typed.endswith("/") or not typed else (path.parent, path.name)
    prefix = typed[: len(typed) - len(stem)] if stem else typed
    wanted = nfc(stem).lower()
    found = []
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: (not entry.is_dir(), entry.name.lower()))
    except OSError:
        return []
    for entry in entries:
        name = nfc(entry.name)
        if name.lower().startswith(wanted) and (wanted.startswith(".") or not name.startswith(".")):
            found.append(f"{prefix}{entry.name}{'/' if entry.is_dir() else ''}")
        if len(found) >= _MOST_COMPLETIONS:
            break
    return found
