"""Which models are loaded: once, within the budget, the least recently used dropped first and none that is in use."""

import asyncio
import shutil
from pathlib import Path

import pytest
import torch

from kullm_tui.core.config.settings import EngineSettings
from kullm_tui.core.errors import AdapterError, KullmError, ModelNotFound, TooLarge, WeightsError
from kullm_tui.core.models.resolve import resolve
from kullm_tui.engine.memory import least_need
from kullm_tui.engine.residency import Residency, find_target
from kullm_tui.weights.footprint import footprint
from kullm_tui.weights.progress import LoadProgress
from tests.engine.replies import Client, prompt_of, wants
from tests.tiny_models import Shape, save_lora, save_model

CPU = torch.device("cpu")


def room_for(folder: Path, *, models: int) -> float:
    """Enough for the weights of some such models and one context of keys and values, and a little more."""
    need = footprint(folder, "4bit", CPU)
    return models * need.weights_bytes + 1.1 * (least_need(need, 512) - need.weights_bytes)


def residency(memory_bytes: float) -> Residency:
    return Residency(EngineSettings(memory_gb=memory_bytes / 1e9), device=CPU)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [save_model(tmp_path / f"model{seed}", "gpt_neox", seed=seed, dtype=torch.bfloat16) for seed in range(3)]


def test_an_adapter_over_a_model_that_is_itself_an_adapter_takes_its_place(tmp_path: Path) -> None:
    demo = resolve("demo-kullm").folder
    other = resolve("demo-koalpaca").folder
    alone, both = find_target("demo-kullm", None), find_target("demo-kullm", str(other))
    assert (alone.adapter, both.adapter) == (demo, other)
    assert alone.folder == both.folder
    assert both.profile.template == "koalpaca-v1.1"
    with pytest.raises(AdapterError):
        find_target("demo-kullm", str(tmp_path / "nothing"))


async def test_clients_who_ask_at_once_load_a_model_once(folders: list[Path]) -> None:
    models = residency(1e9)
    seen: list[LoadProgress] = []
    target = find_target(str(folders[0]), None)

    async def sit() -> object:
        async with models.seat(target, watch=seen.append) as seat:
            await asyncio.sleep(0.1)
            return seat.resident

    assert len(set(map(id, await asyncio.gather(*(sit() for _ in range(5)))))) == 1
    assert seen
    assert all(isinstance(step, LoadProgress) for step in seen)
    assert len(models.residents) == 1
    await models.close()


async def test_the_least_recently_used_model_makes_room_for_the_next(folders: list[Path]) -> None:
    models = residency(room_for(folders[0], models=2))
    for folder in (folders[0], folders[1], folders[0], folders[2]):
        async with models.seat(find_target(str(folder), None)):
            pass
    assert {resident.folder for resident in models.residents} == {folders[0], folders[2]}
    await models.close()


async def test_a_model_in_use_is_never_dropped(folders: list[Path]) -> None:
    models = residency(room_for(folders[0], models=1))
    async with models.seat(find_target(str(folders[0]), None)):
        with pytest.raises(TooLarge, match="GB"):
            async with models.seat(find_target(str(folders[1]), None)):
                pass
        assert [resident.folder for resident in models.residents] == [folders[0]]
    async with models.seat(find_target(str(folders[1]), None)):
        assert [resident.folder for resident in models.residents] == [folders[1]]
    await models.close()


async def test_a_model_that_somebody_takes_while_room_is_made_stays(folders: list[Path]) -> None:
    models = residency(room_for(folders[0], models=2))
    for folder in folders[:2]:
        async with models.seat(find_target(str(folder), None)):
            pass
    loading = asyncio.create_task(models.unload(find_target(str(folders[0]), None)))
    async with models.seat(find_target(str(folders[1]), None)) as seat:
        await loading
        with pytest.raises(KullmError, match="답변 중"):
            await models.unload(find_target(str(folders[1]), None))
        with pytest.raises(TooLarge):
            async with models.seat(find_target(str(folders[0]), None)), models.seat(find_target(str(folders[2]), None)):
                pass
        assert seat.resident in models.residents
    await models.close()


async def test_a_client_who_leaves_while_its_adapter_is_attached_harms_nobody(
    folders: list[Path], tmp_path: Path
) -> None:
    models, adapter = residency(1e9), save_lora(tmp_path / "adapter", folders[0])
    async with models.seat(find_target(str(folders[0]), None)) as seat:
        client = Client(wants(prompt_of(5), tokens=300))
        seat.resident.batch.submit(client.generation)
        client.next_event()

        async def want_adapter() -> None:
            async with models.seat(find_target(str(folders[0]), str(adapter))):
                pass

        for _ in range(5):
            leaving = asyncio.create_task(want_adapter())
            await asyncio.sleep(0.001)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        await want_adapter()
        reply = await asyncio.to_thread(client.reply)
        assert reply.finished
        assert reply.finished.completion_tokens == 300
    await models.close()


async def test_a_folder_without_a_tokenizer_is_refused(folders: list[Path]) -> None:
    for file in folders[0].glob("tokenizer*"):
        file.unlink()
    with pytest.raises(WeightsError, match="토크나이저"):
        async with residency(1e9).seat(find_target(str(folders[0]), None)):
            pass


async def test_a_model_too_large_for_the_machine_is_refused_with_what_would_fit(folders: list[Path]) -> None:
    need = room_for(folders[0], models=1)
    with pytest.raises(TooLarge) as refused:
        async with residency(need / 2).seat(find_target(str(folders[0]), None)):
            pass
    assert "더 작은 모델" in str(refused.value)
    with pytest.raises(TooLarge, match="4비트로는 들어가요"):
        async with residency(1.02 * need).seat(find_target(str(folders[0]), None), precision="fp32"):
            pass


async def test_a_client_who_leaves_while_a_model_loads_leaves_it_to_the_next(folders: list[Path]) -> None:
    models = residency(1e9)
    target = find_target(str(folders[0]), None)

    async def sit() -> None:
        async with models.seat(target):
            pass

    leaving = asyncio.create_task(sit())
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await asyncio.wait_for(sit(), 240)
    assert len(models.residents) == 1
    assert models.residents[0].in_use == 0
    await models.close()


async def test_an_adapter_retrained_in_its_folder_is_loaded_anew(folders: list[Path], tmp_path: Path) -> None:
    models, adapter = residency(1e9), tmp_path / "adapter"
    names = []
    for seed in (1, 2):
        save_lora(adapter, folders[0], seed=seed)
        async with models.seat(find_target(str(folders[0]), str(adapter))) as seat:
            names.append(seat.adapter)
    assert names[0] != names[1]
    assert models.residents[0].rack.names == (names[1],)
    await models.close()


async def test_an_adapter_of_another_base_is_refused_and_the_model_stays_usable(
    folders: list[Path], tmp_path: Path
) -> None:
    other = save_model(tmp_path / "other", "gpt_neox", shape=Shape(hidden=128))
    adapter = save_lora(tmp_path / "adapter", other)
    models = residency(1e9)
    with pytest.raises(AdapterError, match="학습"):
        async with models.seat(find_target(str(folders[0]), str(adapter))):
            pass
    async with models.seat(find_target(str(folders[0]), None)) as seat:
        assert seat.adapter is None
        assert seat.resident.in_use == 1
    await models.close()


def test_a_name_that_means_nothing_is_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        find_target(str(tmp_path / "nothing"), None)
    with pytest.raises(ModelNotFound, match="pull"):
        find_target("kullm-5.8b", None)
    shutil.copytree(folders[0], tmp_path / "no-adapter")
    with pytest.raises(AdapterError, match="adapter_config"):
        find_target(str(folders[0]), str(tmp_path / "no-adapter"))


async def test_unloading_a_model_that_is_being_loaded_calls_the_load_off(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "slow", shape=Shape(hidden=256, layers=8), dtype=torch.bfloat16)
    models = residency(1e9)
    target = find_target(str(folder), None)
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def watch(_: LoadProgress) -> None:
        loop.call_soon_threadsafe(begun.set)

    async def sit() -> None:
        async with models.seat(target, watch=watch):
            pass

    leaving = asyncio.create_task(sit())
    await begun.wait()
    with pytest.raises(KullmError, match="답변 중인 모델"):
        await models.unload(target)  # somebody waits for it
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert await models.unload(target)
    assert models.residents == []
    async with models.seat(target):  # and it can be loaded again
        assert len(models.residents) == 1
    await models.close()
