"""`tallystick selftest`: a new person's first payments, through the doors of a running house.

It signs two people up, tops up through the simulator, sends money from one to the other, gives a
part of the top-up back, and asks the books. Each step has its time; the first that fails ends it
with exit 1. Never in production.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import httpx
import typer
from rich.console import Console

from tallystick import ledger, mail
from tallystick.bootstrap import House
from tallystick.cli import giving_back
from tallystick.cli.startup import settings_or_exit
from tallystick.cli.walk import StepFailed, StepReport, Visitor, Walk
from tallystick.money import Currency, Money
from tallystick.settings import Settings

__all__ = ["register", "walk"]

#: Minor units that the first person brings in, and that they send on.
_AMOUNT: Final = 150_000
_SENT: Final = 40_000
#: Minor units of the top-up that go back.
_BACK: Final = 30_000
_CARD: Final = "4242424242424242"
_DECLINED: Final = "4000000000000002"
_LINK: Final = re.compile(r"https?://\S+/verify-email/\S+")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("selftest")(_selftest)


def _selftest(
    *, as_json: bool = typer.Option(False, "--json", help="Print one JSON object at the end.")
) -> None:
    """Walk two new people's first payments through the running house, and prove the books."""
    settings = settings_or_exit(of_running_house=True)
    if settings.env == "production":
        typer.echo("The selftest makes people and money: it does not run in production.", err=True)
        raise typer.Exit(1)
    console = Console()
    reports = walk(settings, say=(lambda _: None) if as_json else _printer(console))
    ok = all(report.ok for report in reports)
    seconds = round(sum(report.seconds for report in reports), 3)
    if as_json:
        steps = [asdict(report) for report in reports]
        typer.echo(json.dumps({"ok": ok, "seconds": seconds, "steps": steps}, indent=2))
    else:
        verdict = "[green]All is well[/]" if ok else "[red]It failed[/]"
        console.print(f"{verdict} after {seconds:.1f} s.")
    if not ok:
        raise typer.Exit(1)


def walk(settings: Settings, *, say: Callable[[StepReport], None]) -> list[StepReport]:
    """Walk through the house and return the steps' reports, up to the first that failed."""
    house = House.from_settings(settings)
    with _browser(settings) as one, _browser(settings) as other:
        walking = Walk(settings, house, Visitor(one), Visitor(other), say)
        try:
            for name, run in _STEPS:
                if not walking.step(name, run):
                    break
        finally:
            house.close()
    return walking.reports


@contextmanager
def _browser(settings: Settings) -> Iterator[httpx.Client]:
    headers = {"User-Agent": "tallystick-selftest", "Referer": settings.public_url}
    with httpx.Client(
        base_url=settings.public_url, headers=headers, follow_redirects=True, timeout=10
    ) as client:
        yield client


def _printer(console: Console) -> Callable[[StepReport], None]:
    def say(report: StepReport) -> None:
        mark = "[green]✓[/]" if report.ok else "[red]✗[/]"
        line = f"{mark} {report.step:<46} {report.seconds:6.3f} s  [dim]{report.seen}[/]"
        console.print(line, soft_wrap=True, highlight=False)

    return say


def _ready(walking: Walk) -> str:
    answer = walking.first.browser.get("/api/health/ready")
    if not answer.is_success:
        raise StepFailed(f"The server is not ready: {answer.text[:300]}")
    return str(answer.json().get("status"))


def _sign_up(walking: Walk) -> str:
    return _signed_up(walking, walking.first)


def _sign_up_another(walking: Walk) -> str:
    address = _signed_up(walking, walking.second)
    _opened(walking.second)
    return address


def _signed_up(walking: Walk, visitor: Visitor) -> str:
    """Sign the visitor up, follow the letter's link, and return their address."""
    address = f"selftest-{secrets.token_hex(6)}@example.org"
    phrase = secrets.token_urlsafe(24)
    page = visitor.browser.get("/sign-up")
    form = {"name": "Selftest", "email": address, "password1": phrase}
    answer = visitor.browser.post(page.url, data={**form, "csrfmiddlewaretoken": visitor.token})
    if not answer.is_success:
        raise StepFailed(f"Sign-up answered {answer.status_code}.")
    with walking.house.pool.transaction() as conn:
        letters = mail.recent(conn, limit=5, to=address)
    link = _LINK.search(letters[0].text) if letters else None
    if link is None:
        raise StepFailed("No letter with a link to confirm the e-mail address was written.")
    confirm = visitor.browser.get(link[0])
    visitor.browser.post(confirm.url, data={"csrfmiddlewaretoken": visitor.token})
    visitor.email = address
    return address


def _open_wallet(walking: Walk) -> str:
    return _opened(walking.first)


def _opened(visitor: Visitor) -> str:
    """Note the visitor's one empty wallet and return its id."""
    wallets = visitor.api("GET", "/wallets")["items"]
    if len(wallets) != 1 or wallets[0]["available"]["amount"] != 0:
        raise StepFailed(f"Expected one empty wallet, saw {wallets}.")
    visitor.wallet = wallets[0]
    return str(visitor.wallet["id"])


def _ask_for_payment(walking: Walk) -> str:
    asked = {
        "wallet": walking.first.wallet["id"],
        "amount": _AMOUNT,
        "currency": walking.first.wallet["currency"],
    }
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    first = walking.first.api("POST", "/payments", json=asked, headers=headers)
    again = walking.first.api("POST", "/payments", json=asked, headers=headers)
    if first["id"] != again["id"]:
        raise StepFailed("The same key made two payments.")
    walking.payment = walking.until(
        "the provider's page", lambda: _payment_if(walking, first["id"], "submitted")
    )
    return str(walking.payment["id"])


def _decline(walking: Walk) -> str:
    outcome = _pay(walking, _DECLINED)
    if outcome != "declined":
        raise StepFailed(f"The declined card was {outcome}.")
    seen = walking.until(
        "the refusal to show",
        lambda: walking.first.api("GET", f"/payments/{walking.payment['id']}")["failure"],
    )
    walking.first.expect_balance(0)
    return str(seen["detail"])


def _top_up(walking: Walk) -> str:
    outcome = _pay(walking, _CARD)
    if outcome != "paid":
        raise StepFailed(f"The good card was {outcome}.")
    walking.until(
        "the payment to settle", lambda: _payment_if(walking, walking.payment["id"], "settled")
    )
    return "settled"


def _see_balance(walking: Walk) -> str:
    walking.first.expect_balance(_AMOUNT)
    return str(Money(_AMOUNT, Currency(walking.first.wallet["currency"])))


def _verify_books(walking: Walk) -> str:
    with walking.house.pool.transaction() as conn:
        breaches = ledger.verify(conn)
    if breaches:
        raise StepFailed(f"The books do not balance: {breaches[:3]}")
    return "sum is zero, balances equal entries"


def _payment_if(walking: Walk, payment_id: str, state: str) -> Any:
    payment = walking.first.api("GET", f"/payments/{payment_id}")
    return payment if payment["state"] == state else None


def _pay(walking: Walk, card: str) -> str:
    session = walking.payment["action_url"].rstrip("/").rpartition("/")[2]
    simulator = walking.settings.stripe_api_url
    answer = httpx.post(
        f"{simulator}/_simulator/pay", json={"session": session, "card": card}, timeout=10
    )
    if not answer.is_success:
        raise StepFailed(f"The simulator answered {answer.status_code}: {answer.text[:200]}")
    return str(answer.json()["outcome"])


def _send(walking: Walk, amount: int, key: str) -> httpx.Response:
    """Ask for a transfer from the first person to the second, whose address is named."""
    asked = {
        "from": walking.first.wallet["id"],
        "to": walking.second.email,
        "amount": amount,
        "currency": walking.first.wallet["currency"],
        "note": "selftest",
    }
    headers = {"Idempotency-Key": key}
    return walking.first.ask("POST", "/transfers", json=asked, headers=headers)


def _transfer(walking: Walk) -> str:
    key = secrets.token_hex(16)
    first, again = _send(walking, _SENT, key), _send(walking, _SENT, key)
    if not first.is_success:
        raise StepFailed(f"The transfer answered {first.status_code}: {first.text[:300]}")
    if (again.status_code, again.content) != (first.status_code, first.content):
        raise StepFailed("The same key was answered in two ways.")
    walking.first.expect_balance(_AMOUNT - _SENT)
    walking.second.expect_balance(_SENT)
    return str(first.json()["id"])


def _see_entries(walking: Walk) -> str:
    expected = (
        (walking.first, [(2, -_SENT, _AMOUNT - _SENT), (1, _AMOUNT, _AMOUNT)]),
        (walking.second, [(1, _SENT, _SENT)]),
    )
    for visitor, entries in expected:
        found = visitor.api("GET", f"/wallets/{visitor.wallet['id']}/entries")["items"]
        seen = [(one["version"], one["amount"], one["balance"]) for one in found]
        if seen != entries:
            raise StepFailed(f"Expected the entries {entries}, saw {seen}.")
    return "running balance on both sides"


def _refuse(walking: Walk) -> str:
    answer = _send(walking, _AMOUNT, secrets.token_hex(16))
    found = (answer.status_code, answer.json().get("code"))
    if found != (httpx.codes.CONFLICT, "insufficient_funds"):
        raise StepFailed(f"A transfer without cover answered {found}.")
    walking.first.expect_balance(_AMOUNT - _SENT)
    walking.second.expect_balance(_SENT)
    return str(answer.json()["detail"])


def _give_back(walking: Walk) -> str:
    seen = giving_back.give_back(walking, _BACK)
    walking.first.expect_balance(_AMOUNT - _SENT - _BACK)
    return seen


def _see_journal(walking: Walk) -> str:
    return giving_back.see_journal(walking, _BACK, paid=_AMOUNT)


def _refuse_more(walking: Walk) -> str:
    seen = giving_back.refuse_more(walking, _AMOUNT)
    walking.first.expect_balance(_AMOUNT - _SENT - _BACK)
    return seen


_STEPS: Final[tuple[tuple[str, Callable[[Walk], str]], ...]] = (
    ("the house is ready", _ready),
    ("a person signs up and confirms their e-mail", _sign_up),
    ("they have one empty wallet", _open_wallet),
    ("they ask for a top-up, twice with one key", _ask_for_payment),
    ("a declined card books nothing", _decline),
    ("a good card settles the payment", _top_up),
    ("the balance shows it, once", _see_balance),
    ("a second person signs up", _sign_up_another),
    ("money goes to them once, asked twice", _transfer),
    ("both histories tell it", _see_entries),
    ("a transfer without cover is refused", _refuse),
    ("a part of the top-up goes back, asked twice", _give_back),
    ("the provider tells the same", _see_journal),
    ("more than is left is refused without a trace", _refuse_more),
    ("the books sum to zero", _verify_books),
)
