"""The address opens once, for one browser, and for no other page."""

import pytest

from kullm_tui.web.access import Access


def test_the_token_opens_once() -> None:
    access = Access()

    assert access.admit("wrong")
    assert access.admit("")
    assert access.admit(access.token) == ""
    assert access.admit(access.token)


def test_only_the_admitted_browsers_cookie_is_let_in() -> None:
    access, another = Access(), Access()
    pair, *attributes = access.cookie.split("; ")

    assert access.stranger(pair) == ""
    assert access.stranger(f"theme=dark; {pair}") == ""
    assert all(access.stranger(cookies) for cookies in ("", "kullm=", "kullm=x", "=;=", another.cookie.split("; ")[0]))
    assert attributes == [f"Path={access.path}", "HttpOnly", "SameSite=Strict"]
    assert len(access.path) > 20
    assert access.token not in access.cookie


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("rebound.example:8000", None),
        ("rebound.example:8000", "http://rebound.example:8000"),
        ("127.0.0.1.example", None),
        ("", None),
        ("127.0.0.1:8000", "http://evil.example"),
        ("127.0.0.1:8000", "http://127.0.0.1:9000"),
        ("127.0.0.1:8000", "http://localhost:8000"),
        ("127.0.0.1:8000", "https://127.0.0.1:8000"),
        ("127.0.0.1:8000", "null"),
    ],
)
def test_what_comes_from_elsewhere_is_foreign(host: str, origin: str | None) -> None:
    assert Access().foreign(host, origin)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9000", "LOCALHOST", "127.0.0.1"])
def test_the_pages_own_requests_are_not(host: str) -> None:
    assert Access().foreign(host, None) == ""
    assert Access().foreign(host, f"http://{host}", needs_origin=True) == ""
    assert Access().foreign(host, None, needs_origin=True)
