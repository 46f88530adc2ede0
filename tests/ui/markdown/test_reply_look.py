"""How a reply looks, whole and while it streams, in both sizes and both themes."""

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll

from kullm_tui.ui import themes
from kullm_tui.ui.markdown.reply_view import Reply
from tests.ui.snapshot import SIZES, assert_looks_like

_TEXT = """# 서울 여행
**서울(Seoul)**은 한강을 낀 도시예요. `경복궁`에서 시작해 보세요: [안내](https://kullm.kr/seoul)
1. **첫째 날:** 경복궁, 북촌
   - 아침은 ~~느긋하게~~ *일찍*
   - [x] 한복 빌리기
2. **둘째 날:** 한강

| 곳 | 입장료 | 설명 |
|---|--:|---|
| **경복궁** | 3,000원 | 조선의 법궁 |
| 남산 서울타워 | 21,000원 | 해 질 무렵에 오르면 도시의 불이 하나씩 켜지는 것이 보여요 |

> 봄과 가을이 좋아요.

```python
def 인사(이름: str) -> str:
    # 부드럽게
    return f"{이름}님, 안녕하세요! {1 + 2}번째 방문이네요."
```
"""


class _Page(App[None]):
    CSS = "VerticalScroll { padding: 1 2; }"

    def __init__(self, theme: str, reply: Reply) -> None:
        super().__init__()
        for ours in themes.OURS:
            self.register_theme(ours)
        self.theme = theme
        self.reply = reply

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.TOKEN_DEFAULTS)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.anchor()
            yield self.reply


@pytest.fixture(autouse=True)
def _korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")


@pytest.mark.parametrize("theme", ["kullm-dark", "kullm-light", "ansi-dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_whole_reply(size: tuple[int, int], theme: str) -> None:
    reply = Reply(_TEXT)
    async with _Page(theme, reply).run_test(size=size) as pilot:
        while reply.is_busy:  # the colours of code come a moment later
            await pilot.pause(0.05)
        await assert_looks_like(pilot, f"reply-{theme}-{size[0]}x{size[1]}")


async def test_a_reply_in_the_middle_of_a_block() -> None:
    reply = Reply()
    async with _Page("kullm-dark", reply).run_test(size=(80, 24)) as pilot:
        await pilot.app.mount(Reply("```python\n1\n```"))  # its lexer is there when the stream needs it
        while pilot.app.query(Reply).last().is_busy:
            await pilot.pause(0.05)
        await pilot.app.query(Reply).last().remove()
        reply.append(_TEXT[: _TEXT.index("# 부드")])
        await assert_looks_like(pilot, "reply-streaming-80x24")
