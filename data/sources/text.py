"""What is known of a source, in words: its figures with where they come from, and what may be done with it."""

from data.sources.catalogue import Commercial, Provenance, Sharing, Source
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text


def rows_text(source: Source) -> str:
    """Empty where nobody knows it."""
    more = "+" if source.rows_at_least else ""
    return f"{source.rows:,}{more} ({provenance_text(source.rows_from)})" if source.rows else ""


def size_of(source: Source) -> str:
    """In characters, which is what a translation costs, where they are known; else in bytes; empty where neither is."""
    if source.characters:
        count = say(f"{source.characters:,}자", f"{source.characters:,} characters")
        return f"{count} ({provenance_text(source.characters_from)})"
    return f"{size_text(source.bytes)} ({provenance_text(source.bytes_from)})" if source.bytes else ""


def provenance_text(provenance: Provenance) -> str:
    return {
        "": "?",
        "card": say("설명", "its card"),
        "paper": say("논문", "the paper"),
        "listing": say("파일 목록", "its list of files"),
        "others": say("다른 저장소", "others' count"),
        "estimate": say("표본에서 어림", "from a sample"),
        "counted": say("세어 봄", "counted"),
    }[provenance]


def licence_text(source: Source) -> str:
    if source.licence:
        return source.licence
    return "" if source.own in ("conversations", "corrections", "kept") else say("밝히지 않음", "none named")


def commercial_text(commercial: Commercial) -> str:
    return {"yes": say("가능", "yes"), "no": say("안 됨", "no"), "unclear": say("불분명", "unclear")}[commercial]


def sharing_text(sharing: Sharing) -> str:
    return {
        "free": say("가능", "yes"),
        "share-alike": say("같은 라이선스로", "share-alike"),
        "non-commercial": say("비상업으로만", "non-commercially"),
        "no": say("안 됨", "no"),
        "unclear": say("불분명", "unclear"),
    }[sharing]


def reach_text(source: Source) -> str:
    """Whether what is said of it was seen in its rows, or is taken from what others say."""
    if source.own:
        return say("들어 있음", "comes along")
    return say("일부를 읽어 봄", "a part was read") if source.sampled else say("받아 보지 못함", "could not be fetched")


def facts(source: Source) -> list[tuple[str, str]]:
    """Everything that is known of it, by name."""
    rows = (
        (say("이름", "name"), source.name),
        (say("제목", "title"), source.shown_title),
        (say("주소", "address"), source.address),
        (say("리비전", "revision"), source.revision),
        (say("파일", "files"), ", ".join(source.files)),
        (say("형식", "form"), source.form if not source.own else ""),
        (say("언어", "languages"), ", ".join(source.languages)),
        (say("행", "rows"), rows_text(source)),
        (say("크기", "size"), size_of(source)),
        *(_terms(source) if source.address or source.own else ()),
        (say("알아 둘 것", "note"), source.shown_note),
    )
    return [(name, value) for name, value in rows if value]


def _terms(source: Source) -> tuple[tuple[str, str], ...]:
    """Of a file of the user's nobody but the user knows them."""
    return (
        (say("라이선스", "licence"), licence_text(source)),
        (say("상업 이용", "commercial use"), commercial_text(source.commercial)),
        (say("결과 공개", "may be shared"), sharing_text(source.sharing)),
        (say("확인", "seen here"), reach_text(source)),
    )
