"""The keys that this program has in hand, kept out of whatever it prints, logs or stores: an endpoint may echo the one that it was sent."""

import re

_SHORTEST = 6  # what is shorter would blot out plain words
_LOOKS_SECRET = re.compile(r"(?:sk|hf|pk|ghp|glpat|xox.)[-_][\w-]{6,}|(?=\S*\d)(?=\S*[A-Za-z])[\w-]{24,}", re.ASCII)
_secrets: set[str] = set()


def keep_out(secret: str) -> None:
    if len(secret) >= _SHORTEST:
        _secrets.add(secret)


def redacted(text: str) -> str:
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def without_strays(words: str) -> str:
    """Of words that somebody typed in the wrong place, what does not look like a key."""
    return _LOOKS_SECRET.sub("…", redacted(words))


def secrets_in(text: str) -> list[str]:
    """What in it is a key that this program has in hand, or looks like one."""
    known = [secret for secret in _secrets if secret in text]
    return [*known, *(found[0] for found in _LOOKS_SECRET.finditer(text) if found[0] not in known)]
