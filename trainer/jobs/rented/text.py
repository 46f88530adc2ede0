"""What a rented machine is and costs, as a person reads it."""

import time

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from trainer.jobs.rented import Offer
from trainer.jobs.rented.lease import Lease
from trainer.jobs.text import time_text


def price_text(price_per_hour: float | None) -> str:
    return say("값을 몰라요", "price unknown") if price_per_hour is None else f"${price_per_hour:g}/h"


def offer_text(found: Offer, price_per_hour: float | None) -> str:
    return f"{found.what}, {price_text(price_per_hour)}"


def limit_text(hours: float, price_per_hour: float | None) -> str:
    """What it can cost at most."""
    limit = time_text(hours * 3600)
    if price_per_hour is None:
        return say(f"늦어도 {limit} 뒤에 반납", f"given back after {limit} at the latest")
    most = money(hours * price_per_hour)
    return say(f"늦어도 {limit} 뒤에 반납, 많아도 {most}", f"given back after {limit} at the latest, {most} at most")


def lease_text(lease: Lease) -> str:
    """Since when it costs, and how long still. Nothing is counted before it is up."""
    price = price_text(lease.price_per_hour)
    if not lease.ssh:
        return say(f"켜지는 중, {price}", f"starting, {price}")
    ran = max(0.0, time.time() - (lease.latest - lease.hours * 3600))
    spent = (
        ""
        if lease.price_per_hour is None
        else say(
            f", 지금까지 약 {money(ran / 3600 * lease.price_per_hour)}",
            f", about {money(ran / 3600 * lease.price_per_hour)} so far",
        )
    )
    return say(
        f"켜져 있음 {time_text(ran)}, {price}{spent}, 늦어도 {until_text(lease)}에 반납",
        f"up for {time_text(ran)}, {price}{spent}, given back at {until_text(lease)} at the latest",
    )


def until_text(lease: Lease) -> str:
    """On this computer's clock; with the day where it is not today."""
    when = time.localtime(lease.latest)
    today = when[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if today else "%m-%d %H:%M", when)


def how_to_give_back(machine: str) -> str:
    return say(f"돌려주려면: kullm machines down {machine}", f"To give it back: kullm machines down {machine}")
