"""The same against a server of DeepL's that somebody else wrote: the project deepl-mock, where node and it are installed.

KULLM_DEEPL_MOCK is its folder, with its packages installed by npm. It translates whatever it is sent into one phrase, and knows no tags.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.row import Row
from data.translate.cache import TranslationCache
from data.translate.deepl import DeepL
from data.translate.translation import estimate
from tests.data.translate.translating import all_of, pair

pytestmark = pytest.mark.peers
_PHRASE = "양성자 빔"


@pytest.fixture
def url() -> Iterator[str]:
    folder, node = os.environ.get("KULLM_DEEPL_MOCK", ""), shutil.which("node")
    if not node or not (Path(folder) / "index.js").is_file():
        pytest.skip("deepl-mock is not on this machine: KULLM_DEEPL_MOCK names no folder of it, or there is no node")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "DEEPL_MOCK_SERVER_PORT": str(port)}
    with subprocess.Popen([node, "index.js"], cwd=folder, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v2/usage", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except urllib.error.HTTPError:
            return  # it answers, if only that there is no key
        except OSError:
            time.sleep(0.05)
    pytest.fail("deepl-mock does not answer")


async def test_rows_are_translated_and_their_characters_counted(url: str, cache: TranslationCache) -> None:
    given = [pair(number, f"Sentence {number} of the proton beam", "42") for number in range(120)]
    translator = DeepL("a-key-of-ours", server_url=url)
    before = await estimate(given, translator, cache)
    found = await all_of(given, translator, cache)
    quota = await translator.quota()
    await translator.close()
    assert all(isinstance(one, Row) and one.messages[0].content == _PHRASE for one in found)
    assert quota is not None
    assert quota.used == before.to_pay
