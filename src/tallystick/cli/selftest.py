"""`tallystick selftest`: a new person's first payment, through the doors of a running house.

It signs up, verifies the e-mail, tops up through the simulator, and asks the books. Each step
has its time; the first that fails ends it with exit 1. It never runs in production.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import httpx
import typer
from rich.console import Console

from tallystick import clock, ledger, mail
from tallystick.bootstrap import House
from tallystick.cli.startup import settings_or_exit
from tallystick.money import Currency, Money
from tallystick.settings import Settings

__all__ = ["register", "walk"]

_AMOUNT: Final = 150_000
_CARD: Final = "4242424242424242"
_DECLINED: Final = "4000000000000002"
#: Seconds within which background work must have shown its effect.
_PATIENCE_S: Final = 20
_LINK: Final = re.compile(r"https?://\S+/verify-email/\S+")


class StepFailed(Exception):
    """A step did not end as it must; its message says what was seen instead."""


@dataclass(frozen=True)
class StepReport:
    """One step: what was done, whether it went well, seconds, and what was seen."""

    step: str
    ok: bool
    seconds: float
    seen: str = ""


@dataclass
class Walk:
    """A walk through the house: the person's browser, the house, and the reports so far."""

    settings: Settings
    house: House
    browser: httpx.Client
    say: Callable[[StepReport], None]
    reports: list[StepReport] = field(default_factory=list)
    wallet: dict[str, Any] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, run: Callable[[Walk], str]) -> bool:
        """Run one step, report it, and return whether it went well."""
        mark = clock.start()
        try:
            seen, ok = run(self), True
        except (StepFailed, httpx.HTTPError) as trouble:
            seen, ok = str(trouble) or type(trouble).__name__, False
        self.reports.append(StepReport(name, ok, round(clock.elapsed_since(mark), 3), seen))
        self.say(self.reports[-1])
        return ok

    @property
    def token(self) -> str:
        """Return the CSRF token that the server gave this browser."""
        return self.browser.cookies.get("csrftoken") or ""

    def api(self, method: str, path: str, **extra: Any) -> Any:
        """Call the API as the person's browser would, and return the JSON of a 2xx answer."""
        headers = {"X-CSRFToken": self.token, **extra.pop("headers", {})}
        answer = self.browser.request(method, f"/api{path}", headers=headers, **extra)
        if not answer.is_success:
            raise StepFailed(
                f"{method} /api{path} answered {answer.status_code}: {answer.text[:300]}"
            )
        return answer.json()

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """Return the first true result of `found`, asked again until patience ends."""
        mark = clock.start()
        pause = secrets.SystemRandom()
        while clock.elapsed_since(mark) < _PATIENCE_S:
            seen = found()
            if seen:
                return seen
            clock.pause(0.05 + pause.random() / 20)
        raise StepFailed(
            f"Waited {_PATIENCE_S} s for {what}. Do `tallystick worker` processes run?"
        )


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("selftest")(_selftest)


def _selftest(
    *, as_json: bool = typer.Option(False, "--json", help="Print one JSON object at the end.")
) -> None:
    """Walk a new person's first payment through the running house, and prove the books."""
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
    with _browser(settings) as browser:
        walking = Walk(settings, house, browser, say)
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
    answer = walking.browser.get("/api/health/ready")
    if not answer.is_success:
        raise StepFailed(f"The server is not ready: {answer.text[:300]}")
    return str(answer.json().get("status"))


def _sign_up(walking: Walk) -> str:
    address = f"selftest-{secrets.token_hex(6)}@example.org"
    phrase = secrets.token_urlsafe(24)
    page = walking.browser.get("/sign-up")
    form = {"name": "Selftest", "email": address, "password1": phrase}
    answer = walking.browser.post(page.url, data={**form, "csrfmiddlewaretoken": walking.token})
    if not answer.is_success:
        raise StepFailed(f"Sign-up answered {answer.status_code}.")
    with walking.house.pool.transaction() as conn:
        letters = mail.recent(conn, limit=5, to=address)
    link = _LINK.search(letters[0].text) if letters else None
    if link is None:
        raise StepFailed("No letter with a link to confirm the e-mail address was written.")
    confirm = walking.browser.get(link[0])
    walking.browser.post(confirm.url, data={"csrfmiddlewaretoken": walking.token})
    return address


def _open_wallet(walking: Walk) -> str:
    wallets = walking.api("GET", "/wallets")["items"]
    if len(wallets) != 1 or wallets[0]["available"]["amount"] != 0:
        raise StepFailed(f"Expected one empty wallet, saw {wallets}.")
    walking.wallet = wallets[0]
    return str(walking.wallet["id"])


def _ask_for_payment(walking: Walk) -> str:
    asked = {
        "wallet": walking.wallet["id"],
        "amount": _AMOUNT,
        "currency": walking.wallet["currency"],
    }
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    first = walking.api("POST", "/payments", json=asked, headers=headers)
    again = walking.api("POST", "/payments", json=asked, headers=headers)
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
        lambda: walking.api("GET", f"/payments/{walking.payment['id']}")["failure"],
    )
    _expect_balance(walking, 0)
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
    _expect_balance(walking, _AMOUNT)
    return str(Money(_AMOUNT, Currency(walking.wallet["currency"])))


def _verify_books(walking: Walk) -> str:
    with walking.house.pool.transaction() as conn:
        breaches = ledger.verify(conn)
    if breaches:
        raise StepFailed(f"The books do not balance: {breaches[:3]}")
    return "sum is zero, balances equal entries"


def _payment_if(walking: Walk, payment_id: str, state: str) -> Any:
    payment = walking.api("GET", f"/payments/{payment_id}")
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


def _expect_balance(walking: Walk, expected: int) -> None:
    wallet = walking.api("GET", f"/wallets/{walking.wallet['id']}")
    if wallet["available"]["amount"] != expected:
        raise StepFailed(f"Expected a balance of {expected}, saw {wallet['available']['amount']}.")


_STEPS: Final[tuple[tuple[str, Callable[[Walk], str]], ...]] = (
    ("the house is ready", _ready),
    ("a person signs up and confirms their e-mail", _sign_up),
    ("they have one empty wallet", _open_wallet),
    ("they ask for a top-up, twice with one key", _ask_for_payment),
    ("a declined card books nothing", _decline),
    ("a good card settles the payment", _top_up),
    ("the balance shows it, once", _see_balance),
    ("the books sum to zero", _verify_books),
)
