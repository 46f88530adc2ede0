import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.beams import BeamSearch
from kullm_tui.engine.generation import Progress
from kullm_tui.engine.sampling import Sampling
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model
from tests.engine.replies import Client, decode, prompt_of, wants
from tests.tiny_models import save_lora, save_model

PAPER = Sampling(repetition_penalty=1.4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model", "gpt_neox")


@pytest.fixture
def beam_search(folder: Path, tmp_path: Path) -> Iterator[BeamSearch]:
    loaded = load_model(
        folder, precision="fp32", device=torch.device("cpu"), progress=lambda _: None, cancelled=lambda: False
    )
    rack = AdapterRack(loaded.model)
    rack.attach("tuned", save_lora(tmp_path / "lora", folder))
    beams = BeamSearch(loaded.model, rack, threading.Lock())
    yield beams
    beams.close()


def expected(folder: Path, prompt: list[int], adapter: Path | None = None) -> str:
    if adapter:
        from peft import AutoPeftModelForCausalLM

        model = AutoPeftModelForCausalLM.from_pretrained(adapter)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder)
    ids = torch.tensor([prompt])
    output = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        num_beams=4,
        do_sample=False,
        repetition_penalty=1.4,
        max_new_tokens=15,
        eos_token_id=None,
        pad_token_id=0,
    )
    return decode(output[0, len(prompt) :].tolist())


def test_beams_find_what_generate_finds_and_tell_how_far_they_are(beam_search: BeamSearch, folder: Path) -> None:
    prompt = prompt_of(12)
    client = Client(wants(prompt, tokens=15, num_beams=4, sampling=PAPER))
    beam_search.submit([client.generation])
    reply = client.reply()
    assert reply.text == expected(folder, prompt)
    assert [event.done for event in reply.events if isinstance(event, Progress)] == list(range(1, 16))


def test_beams_use_the_adapter_of_their_request(beam_search: BeamSearch, folder: Path, tmp_path: Path) -> None:
    prompt = prompt_of(12)
    client = Client(wants(prompt, tokens=15, num_beams=4, sampling=PAPER, adapter="tuned"))
    beam_search.submit([client.generation])
    assert client.reply().text == expected(folder, prompt, tmp_path / "lora") != expected(folder, prompt)


def test_several_replies_are_the_best_beams_of_one_search(beam_search: BeamSearch) -> None:
    clients = [Client(wants(prompt_of(12), tokens=10, num_beams=4, sampling=PAPER)) for _ in range(3)]
    beam_search.submit([client.generation for client in clients])
    assert len({client.reply().text for client in clients}) == 3


def test_a_search_ends_when_nobody_waits_for_it(beam_search: BeamSearch) -> None:
    client, after = (
        Client(wants(prompt_of(12), tokens=400, num_beams=4)),
        Client(wants(prompt_of(3), tokens=2, num_beams=2)),
    )
    beam_search.submit([client.generation])
    client.next_event()
    client.generation.cancelled.set()
    beam_search.submit([after.generation])
    assert after.reply().finished
    ended = client.reply().finished
    assert ended
    assert ended.completion_tokens < 400


def test_closing_tells_the_searches_that_still_wait(beam_search: BeamSearch) -> None:
    clients = [Client(wants(prompt_of(12), tokens=400, num_beams=4)) for _ in range(3)]
    for client in clients:
        beam_search.submit([client.generation])
    clients[0].next_event()
    beam_search.close()
    assert clients[0].reply().finished
    for client in [*clients[1:], Client(wants(prompt_of(3), tokens=2, num_beams=2))]:
        if client not in clients:
            beam_search.submit([client.generation])
        with pytest.raises(KullmError, match="내리고"):
            client.reply()
