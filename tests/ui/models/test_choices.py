"""What the next question is asked with: parameters, personas, model and adapter, the real prompt, an attached file."""

from pathlib import Path

import pytest
from textual.widgets import Input, Select, TextArea

from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.models.profiles import PAPER_DECODING
from kullm_tui.ui.conversation.decoding_form import FIELDS, read_form
from kullm_tui.ui.conversation.personas import personas, user_file
from kullm_tui.ui.conversation.prompt_dialog import PromptScreen
from kullm_tui.ui.conversation.settings import Session, last_used, remember
from kullm_tui.ui.conversation.settings_dialog import ParametersScreen
from kullm_tui.ui.dialogs.text_file import completions, read_attachment
from kullm_tui.ui.models.picker_dialog import SwitcherScreen
from kullm_tui.ui.widgets.row_list import Rows
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import chatting


async def test_only_what_was_set_goes_out_and_the_paper_is_one_press(database: Path) -> None:
    with OpenAIServer([says("하나"), says("둘"), says("셋")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("그냥")
            await chat.pilot.press("f7")
            await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen))
            chat.app.screen.query_one("#field-temperature", Input).value = "0.7"
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.controller.session.decoding == {"temperature": 0.7})
            await chat.asks("따뜻하게")
            await chat.pilot.press("f7")
            await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen))
            await chat.pilot.click("#paper")
            await chat.pilot.click("#keep")
            await chat.until(lambda: chat.controller.session.decoding == PAPER_DECODING.request_fields())
            await chat.asks("논문처럼")
            plain, warm, paper = (request.body for request in server.requests)
            assert "temperature" not in plain
            assert warm["temperature"] == 0.7
            assert "top_p" not in warm
            assert paper["num_beams"] == 4


async def test_the_models_own_settings_are_shown_dim_and_a_fault_is_named(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.pilot.press("f7")
        await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen))
        longest = chat.app.screen.query_one("#field-max_tokens", Input)
        await chat.until(lambda: longest.placeholder == "160")
        longest.value = "많이"
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("최대 길이: 1에서"))
        assert isinstance(chat.app.screen, ParametersScreen)
        await chat.pilot.press("escape")
        await chat.until(lambda: not isinstance(chat.app.screen, ParametersScreen))
        assert chat.controller.session.decoding == {}


async def test_a_persona_fills_the_system_text(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.pilot.press("f7")
        await chat.until(lambda: isinstance(chat.app.screen, ParametersScreen))
        screen = chat.app.screen
        await chat.until(lambda: len(screen.query_one("#persona", Select)._options) > 3)
        screen.query_one("#persona", Select).value = "translator"
        await chat.until(lambda: "번역가" in screen.query_one("#system", TextArea).text)
        await chat.pilot.click("#keep")
        await chat.until(lambda: chat.controller.session.persona == "translator")
        assert "번역가" in chat.controller.session.system


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_refuses_nonsense_and_takes_sense(field: object) -> None:
    name = field.name  # type: ignore[attr-defined]
    good = "끝, \\n" if name == "stop" else "1"
    assert read_form({name: good})[1] == {}
    if name != "stop":
        for bad in ("x", "-1", "nan", "1e999"):
            assert name in read_form({name: bad})[1], bad


def test_a_users_persona_comes_first_and_faults_are_named(chat_home: Path) -> None:
    assert chat_home
    shipped = personas()
    assert len(shipped) >= 5
    user_file().write_text('[mine]\ntitle = "내 것"\nsystem = "짧게"\n', encoding="utf-8")
    assert [one.name for one in personas()][0] == "mine"
    user_file().write_text('[mine]\ntitel = "내 것"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="titel"):
        personas()


def test_a_session_is_remembered_until_the_configuration_names_another_model(chat_home: Path) -> None:
    session = Session("demo-koalpaca", "", "짧게", "", {"temperature": 0.5})
    remember(session, "")
    assert last_used("") == session
    assert last_used("demo-kovicuna") == Session("demo-kovicuna")
    (chat_home / "session.json").write_text("{{{")
    assert last_used("") == Session()


async def test_another_model_is_chosen_by_typing_and_answers(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.pilot.press("f8")
        await chat.until(lambda: isinstance(chat.app.screen, SwitcherScreen) and chat.told("코알파카 데모"))
        assert chat.told("내려받지 않음") or len(chat.app.screen.query_one(Rows).rows) > 5
        await chat.types("코알")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.controller.session.model == "demo-koalpaca")
        reply = await chat.asks("대한민국의 수도는 어디인가요?")
        assert (reply.model, reply.state) == ("demo-koalpaca", "complete")
        assert reply.content
        assert chat.told("코알파카 데모")


async def test_the_real_prompt_is_the_templates_text_token_by_token(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.types("구름은?")
        await chat.pilot.press("f9")
        await chat.until(lambda: isinstance(chat.app.screen, PromptScreen) and chat.told("### 명령어:↵구름은?↵"))
        assert chat.told("템플릿 kullm-v2")
        await chat.pilot.press("escape")
        assert chat.screen.prompt.value.text == "구름은?"


def test_text_files_are_read_in_the_encodings_of_korea(tmp_path: Path) -> None:
    for name, data, said in [
        ("utf8.txt", "가나다".encode(), "UTF-8"),
        ("bom.txt", "가나다".encode("utf-8-sig"), "UTF-8"),
        ("old.txt", "가나다".encode("cp949"), "CP949"),
        ("notepad.txt", "가나다".encode("utf-16"), "UTF-16"),
    ]:
        (tmp_path / name).write_bytes(data)
        found = read_attachment(tmp_path / name)
        assert (found.text, found.encoding) == ("가나다", said)


def test_what_is_no_text_is_refused_in_words(chat_home: Path, tmp_path: Path) -> None:
    assert chat_home
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\x00\x01")
    (tmp_path / "large.txt").write_bytes(b"a" * 1_000_001)
    for path, why in [("picture.png", "UTF-8"), ("large.txt", "1.0 MB"), ("none.txt", "none.txt"), ("", "폴더")]:
        with pytest.raises(UsageError, match=why):
            read_attachment(tmp_path / path)


def test_a_fence_is_longer_than_any_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "code.md").write_text("```py\nx\n```\n````\n", encoding="utf-8")
    assert read_attachment(tmp_path / "code.md").fenced.splitlines()[1].startswith("`````")


def test_paths_are_completed_folders_first(tmp_path: Path) -> None:
    (tmp_path / "글모음").mkdir()
    (tmp_path / "글.txt").touch()
    (tmp_path / ".숨김").touch()
    found = completions(f"{tmp_path}/글")
    assert found == [f"{tmp_path}/글모음/", f"{tmp_path}/글.txt"]
    assert completions(f"{tmp_path}/") == found


async def test_an_attached_file_goes_into_the_prompt_and_says_its_encoding(database: Path, tmp_path: Path) -> None:
    (tmp_path / "글.txt").write_bytes("첫 줄\n둘째 줄".encode("cp949"))
    async with chatting(database) as chat:
        await chat.types("요약")
        await chat.pilot.press("ctrl+o")
        await chat.until(lambda: chat.app.screen.query(Input))
        chat.app.screen.query_one(Input).value = str(tmp_path / "글.txt")
        await chat.pilot.press("enter")
        await chat.until(lambda: "둘째 줄" in chat.screen.prompt.value.text)
        assert chat.screen.prompt.value.text.startswith("요약\n\n글.txt\n```")
        assert chat.told("CP949")
