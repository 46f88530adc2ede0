"""Hugging Face Jobs as a landlord, through the hub's own client: a container that waits, reached by ssh at the hub's gateway.

Its time-out is always set: by the hub's own a training would die after half an hour. No token goes into the container from here; a job
that needs one is given it as on any machine.
"""

import contextlib
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kullm_tui.core.config.settings import MACHINE_RULES, MachineSettings
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.hub.errors import hub_endpoint, hub_http
from kullm_tui.core.hub.token import hub_token
from kullm_tui.core.language import say
from kullm_tui.core.rules import Fault, did_you_mean
from kullm_tui.core.text import terminal_safe
from trainer.estimate.machines import gpu_named
from trainer.jobs.rented import NotLet, Offer, Said, Standing
from trainer.jobs.rented.hf_faults import job_is_gone, translated
from trainer.jobs.rented.lease import Lease

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo
    from huggingface_hub._jobs_api import JobHardwareInfo

_IMAGE = (
    "ghcr.io/astral-sh/uv:python3.12-bookworm"  # Python, uv and a C compiler; the cards' driver comes from the host
)
_WAIT = "trap 'exit 0' TERM; while :; do sleep 60 & wait $!; done"  # as a container's first process it also reaps
_LABEL = "kullm"
_GATEWAY = "ssh.hf.jobs"
_OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_HOURS = {"second": 3600.0, "minute": 60.0, "hour": 1.0}
_SECONDS = 60.0  # the library itself waits for ever
_MOST_FLAVORS = 100


@dataclass(frozen=True)
class HuggingFaceJobs:
    def price(self, settings: MachineSettings) -> Offer:
        with translated(), _api(needs_token=False) as api:
            hardware = api.list_jobs_hardware()[:_MOST_FLAVORS]
        for one in hardware:
            if one.name == settings.flavor:
                return _offer(one)
        raise _no_such_flavor(settings, hardware)

    def up(self, settings: MachineSettings, lease: Lease, progress: Said) -> Lease:
        progress(say(f"{lease.machine}: 빌리는 중 …", f"{lease.machine}: renting …"))
        with translated(), _api() as api:
            payer = _payer(settings, api)
            job = _under(lease.label, api, payer) or api.run_job(
                image=settings.image or _IMAGE,
                command=["sh", "-c", _WAIT],
                flavor=settings.flavor,
                timeout=round(lease.hours * 3600),
                name=f"kullm-{re.sub(r'[^A-Za-z0-9_-]', '-', lease.machine)}",
                labels={_LABEL: lease.label},
                ssh=True,
                namespace=payer,
            )
            return replace(lease, id=_checked_id(job.id), payer=payer)

    def state(self, lease: Lease) -> Standing:
        with translated(), _api() as api:
            job = _job(lease, api)
            return _standing(job, lease) if job else Standing("gone")

    def down(self, lease: Lease) -> None:
        with translated(), _api() as api:
            job = _job(lease, api)
            if job is None or job.status.stage in _OVER:
                return
            with job_is_gone():
                api.cancel_job(job_id=job.id, namespace=job.owner.name)


def payer_of(settings: MachineSettings) -> str:
    """Who would pay. KullmError where there is no token, or none that the hub takes."""
    with translated(), _api() as api:
        return terminal_safe(_payer(settings, api))[:100]


def _payer(settings: MachineSettings, api: "HfApi") -> str:
    return settings.namespace or str(api.whoami()["name"])


@contextlib.contextmanager
def _api(*, needs_token: bool = True) -> "Iterator[HfApi]":
    from huggingface_hub import HfApi
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    token = hub_token()
    if needs_token and not token:
        raise NotLet(
            say(
                "Hugging Face Jobs에는 토큰이 필요해요. Jobs를 쓸 수 있는 토큰을 `kullm keys set HF_TOKEN`으로 넣으세요.",
                "Hugging Face Jobs needs a token that may run Jobs. Store one with `kullm keys set HF_TOKEN`.",
            )
        )
    get_session().timeout = hub_http().Timeout(_SECONDS)
    yield HfApi(endpoint=hub_endpoint(), token=token or False, headers={"user-agent": "kullm"})


def _under(label: str, api: "HfApi", payer: str) -> "JobInfo | None":
    """One that was begun although its answer never came."""
    return next(iter(api.list_jobs(labels={_LABEL: label}, namespace=payer)), None)


def _job(lease: Lease, api: "HfApi") -> "JobInfo | None":
    """None: the hub knows of none, so nothing runs."""
    if not lease.id:
        return _under(lease.label, api, lease.payer or str(api.whoami()["name"]))
    with job_is_gone():
        return api.inspect_job(job_id=lease.id, namespace=lease.payer)
    return None


def _standing(job: "JobInfo", lease: Lease) -> Standing:
    stage, words = str(job.status.stage), terminal_safe(str(job.status.message or ""))[:300]
    if stage in _OVER:
        return Standing("gone", why=words or stage)
    if stage != "RUNNING":
        return Standing("starting", why=words)
    return Standing("up", ssh=_address(job), left=max(0.0, lease.hours * 3600 - _ran(job)))


def _ran(job: "JobInfo") -> float:
    """Seconds that it has run, by the hub's clock alone where it counts them."""
    if job.durations and job.durations.running_secs is not None:
        return float(job.durations.running_secs)
    return time.time() - job.started_at.timestamp() if job.started_at else 0.0


def _address(job: "JobInfo") -> str:
    """It becomes an argument of ssh: nothing in it may be an option."""
    url = urlsplit(job.status.ssh_url or f"ssh://{job.id}@{_GATEWAY}")
    address = f"{url.username}@{url.hostname}"
    try:
        return str(MACHINE_RULES["ssh"](address))
    except Fault as fault:
        raise ValueError(address) from fault


def _checked_id(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise ValueError(name)
    return name


def _offer(one: "JobHardwareInfo") -> Offer:
    hours = _HOURS.get(one.unit_label)
    price = float(one.unit_cost_usd) * hours if hours else None
    what = terminal_safe(f"{one.name}: {one.pretty_name}, {one.cpu}, {one.ram}")
    return Offer(what, _cards(one), price if price is None else round(price, 4))


def _cards(one: "JobHardwareInfo") -> str:
    """The hub counts the memory of all cards together."""
    card = one.accelerator
    if card is None:
        return "cpu"
    count = int(card.quantity)
    memory = re.match(r"\d+", card.vram)
    each = int(memory[0]) // count if memory else 0
    gpu = gpu_named(f"{card.model}-{each}GB") or gpu_named(card.model)
    return f"{count}x{gpu.name}" if gpu else ""


def _no_such_flavor(settings: MachineSettings, hardware: "Iterable[JobHardwareInfo]") -> KullmError:
    offers = [_offer(one) for one in hardware]
    listed = "".join(
        f"\n  {offer.what}" + (f", ${offer.price_per_hour:g}/h" if offer.price_per_hour is not None else "")
        for offer in offers
    )
    near = did_you_mean(settings.flavor, [offer.what.partition(":")[0] for offer in offers])
    if not settings.flavor:
        first = say("--flavor로 빌릴 것을 정하세요.", "say what to rent with --flavor.")
    else:
        first = say(
            f"Hugging Face Jobs에 '{settings.flavor}'는 없어요.{near}",
            f"Hugging Face Jobs has no '{settings.flavor}'.{near}",
        )
    return UsageError(first + listed)
