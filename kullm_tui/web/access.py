"""Who may look at the app in a browser: one browser, which opened the address that the terminal printed.

The token in that address opens once and is void then, so that what stays of it in a history, a log or a shared screen opens nothing. It is exchanged for a cookie that no
script reads and no other site sends. Cookies know no ports: another server on this machine would be shown ours. So the cookie belongs to a path that nobody can guess, and goes
nowhere else. A web page can reach a loopback port too: its Origin gives it away, and a name that was bound to 127.0.0.1 behind the browser's back shows in Host.
"""

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from kullm_tui.core.language import say

_LOOPBACK = {"127.0.0.1", "localhost"}
_COOKIE = "kullm"


class Access:
    def __init__(self) -> None:
        self._session = secrets.token_urlsafe(32)
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self.token = secrets.token_urlsafe(32)
        self._is_used = False

    @property
    def cookie(self) -> str:
        """As a browser is told to keep it, until it is closed."""
        return f"{_COOKIE}={self._session}; Path={self.path}; HttpOnly; SameSite=Strict"

    def admit(self, token: str) -> str:
        """Why not; nothing for the first that has the token."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return _no_session()
        if self._is_used:
            return say(
                "이 주소는 한 번만 열 수 있고, 이미 열렸어요. 앞서 열린 탭에서 계속하거나, 터미널에서 `kullm web`을 끝내고 다시 실행하세요.",
                "This address opens once, and it has been opened. Go on in that tab, or end `kullm web` in the terminal and run it again.",
            )
        self._is_used = True
        return ""

    def foreign(self, host: str, origin: str | None, *, needs_origin: bool = False) -> str:
        """Why a request is no one of this page's own, by where it says that it comes from; nothing where it may be."""
        if _name(host) not in _LOOPBACK:
            return say(
                "이 이름으로는 열 수 없어요. 터미널에 표시된 주소로 여세요.",
                "It does not open under this name. Use the address that the terminal shows.",
            )
        if origin is None and not needs_origin:
            return ""
        if origin != f"http://{host}":
            return say("다른 웹 페이지의 요청은 받지 않아요.", "Requests of other web pages are refused.")
        return ""

    def stranger(self, cookies: str) -> str:
        """Why who sends these cookies is not let in; nothing for the browser that was admitted."""
        try:
            kept = SimpleCookie(cookies).get(_COOKIE)
        except CookieError:
            kept = None
        if kept is None or not hmac.compare_digest(kept.value.encode(), self._session.encode()):
            return _no_session()
        return ""


def _no_session() -> str:
    return say(
        "`kullm web`이 터미널에 표시한 주소로 여세요.",
        "Open the address that `kullm web` shows in the terminal.",
    )


def _name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).lower()
