"""F8 where endpoints answer: what they offer is listed, and servers of this machine can be used at once."""

import json
from pathlib import Path

from kullm_tui.core.config.keys import set_key
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.models import EndpointModels, Server
from kullm_tui.ui.models.picker_dialog import Choice, SwitcherScreen
from kullm_tui.ui.widgets.row_list import Rows
from tests.openai_server import OpenAIServer, Received, Reply, refuses, says
from tests.ui.chatting import Chat, chatting


class Offering(OpenAIServer):
    """Lists its models, and answers questions."""

    def __init__(self, *models: str, refusal: Reply | None = None) -> None:
        super().__init__()
        self.models, self.refusal = models, refusal

    def answer(self, request: Received) -> Reply:
        if not request.path.endswith("/models"):
            return says("네, ", "그래요.")
        listed = {"data": [{"id": model} for model in self.models]}
        return self.refusal or Reply([json.dumps(listed)], media_type="application/json")


def offered(chat: Chat) -> list[str]:
    rows = chat.app.screen.query_one(Rows).rows
    return [row.answerer.model for row in rows if isinstance(row, Choice)]


async def opens_switcher(chat: Chat) -> None:
    await chat.pilot.press("f8")
    await chat.until(lambda: isinstance(chat.app.screen, SwitcherScreen) and chat.app.screen.query_one(Rows).rows)


async def test_on_an_endpoint_its_models_are_listed_and_another_of_them_answers(database: Path) -> None:
    with Offering("small", "large") as far:
        async with chatting(database, server=far) as chat:
            await opens_switcher(chat)
            await chat.until(lambda: "far/large" in offered(chat))
            await chat.types("large")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.controller.session.model == "far/large")
            await chat.asks("되나요?")
            assert [r.body["model"] for r in far.requests if r.path.endswith("completions")] == ["large"]
            await opens_switcher(chat)
            await chat.until(lambda: "far/small" in offered(chat))
            assert sum(r.path.endswith("/models") for r in far.requests) == 1, "asked once a session"


async def test_choosing_an_endpoint_leads_to_its_models(database: Path) -> None:
    with Offering("small", "large") as far:
        async with chatting(database, server=far) as chat:
            chat.use("demo-kullm")
            await opens_switcher(chat)
            assert "far/small" not in offered(chat)
            await chat.types("far/")
            await chat.pilot.press("enter")
            await chat.until(lambda: "far/small" in offered(chat))
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.controller.session.model == "far/small")


async def test_a_model_that_is_not_listed_can_be_typed_and_a_refusal_is_told(database: Path) -> None:
    with Offering("small", refusal=refuses(500, "고장")) as far:
        async with chatting(database, server=far) as chat:
            await opens_switcher(chat)
            await chat.until(lambda: chat.told("far/모델이름을 적어서"))
            await chat.types("far/secret-preview")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.controller.session.model == "far/secret-preview")


async def test_ones_own_endpoint_comes_first_and_providers_without_a_key_are_not_there(
    database: Path,
) -> None:
    with Offering("small") as far:
        async with chatting(database, server=far) as chat:
            chat.use("demo-kullm")
            await opens_switcher(chat)
            assert {"openai", "gpt-6-luna", "hyperclovax", "hcx-007"}.isdisjoint(offered(chat))
            await chat.pilot.press("escape")
            set_key("CLOVASTUDIO_API_KEY", "nv-key")
            await opens_switcher(chat)
            names = offered(chat)
            assert names.index("far/") < names.index("hcx-007")
            assert "gpt-6-luna" not in names


async def test_a_server_found_on_this_machine_answers_at_once_and_keeps_its_name(database: Path) -> None:
    with Offering("llama3") as ollama:
        async with chatting(database) as chat:
            chat.app.endpoint_models = EndpointModels([Server("ollama", "Ollama", ollama.port)])
            assert ollama.requests == []
            await opens_switcher(chat)
            await chat.until(lambda: "ollama/llama3" in offered(chat))
            assert [request.path for request in ollama.requests] == ["/v1/models"]
            await chat.types("llama3")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.controller.session.model == "ollama/llama3")
            reply = await chat.asks("되나요?")
            assert (reply.model, reply.content) == ("ollama/llama3", "네, 그래요.")
    assert [one.name for one in load_config().endpoints] == ["ollama"], "for the next program too"
