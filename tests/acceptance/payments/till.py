"""What a caller, a payer and an operator do with a running house, in a word each."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from factories import payments as factory
from factories.keys import issued
from factories.wallets import wallet
from running import RunningHouse, running_house
from tallystick import db, ids, payments
from tallystick.keys import Issued, Scope
from tallystick.payments import File, Refund
from tallystick.simulator import JournalContents, read_journal
from tallystick.wallets import Wallet

CARD = "4242424242424242"
MINOR = 150_000
CREATE = "checkout.session.create"
COMPLETED = "checkout.session.completed"


def until(holds: Callable[[], Any], *, within_s: float = 30.0, every_s: float = 0.05) -> Any:
    """Wait until something holds, and return what it said."""
    deadline = time.monotonic() + within_s
    while not (said := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(every_s)
    return said


@dataclass
class Till:
    """A house, with a key for all of it."""

    house: RunningHouse
    key: Issued
    #: Wallets by the payments that were asked for into them.
    wallets: dict[str, Wallet] = field(default_factory=dict)

    # What a caller does.

    def wallet(self, *, minor: int = 0) -> Wallet:
        with self.house.database.connect() as conn:
            return wallet(conn, minor=minor, owner=f"shop:{secrets.token_hex(6)}")

    def ask(self, owned: Wallet | None = None, *, minor: int = MINOR) -> str:
        """Ask for a payment and return its id."""
        into = owned or self.wallet()
        body = {
            "wallet": ids.show("wal", into.id),
            "amount": minor,
            "currency": "KES",
            "owner": into.owner,
        }
        answer = self._api("POST", "/api/payments", json=body)
        assert answer.status_code == 201, answer.text
        payment = answer.json()["id"]
        self.wallets[payment] = into
        return payment

    def seen(self, payment: str) -> dict[str, Any]:
        owner = self.wallets[payment].owner
        answer = self._api("GET", f"/api/payments/{payment}", params={"owner": owner})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def becomes(self, payment: str, state: str, *, within_s: float = 30.0) -> dict[str, Any]:
        """Wait until a payment is in the state, and return it."""
        last: dict[str, Any] = {}

        def arrived() -> bool:
            last.update(self.seen(payment))
            return last["state"] == state

        try:
            until(arrived, within_s=within_s)
        except AssertionError:
            raise AssertionError(f"{payment} is {last['state']}, not {state}") from None
        return last

    def balance(self, owned: Wallet | str) -> int:
        into = self.wallets[owned] if isinstance(owned, str) else owned
        path = f"/api/wallets/{ids.show('wal', into.id)}"
        return self._api("GET", path, params={"owner": into.owner}).json()["available"]["amount"]

    def refund(self, payment: str, minor: int | None = None) -> Refund:
        """Refund a payment as an operator does."""
        with self.house.database.connect() as conn:
            [told] = [payments.get(conn, payment_id=ids.read("pay", payment), owner=None)]
            return factory.refund(conn, told, minor=minor, key=secrets.token_hex(8))

    def submitted(self, **asked: Any) -> str:
        payment = self.ask(**asked)
        self.becomes(payment, "submitted")
        return payment

    def settled(self, *, card: str = CARD, **asked: Any) -> str:
        payment = self.submitted(**asked)
        assert self.pay(payment, card=card) == "paid"
        self.becomes(payment, "settled")
        return payment

    # What a payer and the provider do.

    def control(self, path: str, body: object = None, *, method: str = "POST") -> Any:
        url = f"{self.house.simulator_url}/_simulator/{path}"
        answer = httpx.request(method, url, json=body, timeout=20)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, what: str, match: str = CREATE, **more: object) -> None:
        self.control("next", {"what": what, "match": match, **more})

    def pay(self, payment: str, *, card: str = CARD) -> str:
        """Pay on the provider's page, whatever we know of it, and return the outcome."""
        [session] = self.sessions(payment)
        return self.control("pay", {"session": session["id"], "card": card})["outcome"]

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return the provider's objects of a kind, each as it is now, the oldest first."""
        found: dict[str, dict[str, Any]] = {}
        after, has_more = 0, True
        while has_more:
            page = self.control(f"journal?after={after}&limit=1000", method="GET")
            after, has_more = page["last"], page["has_more"]
            for entry in page["entries"]:
                for one in entry["records"]:
                    if one["kind"] == kind:
                        found[one["id"]] = one["object"]
        return list(found.values())

    def sessions(self, payment: str) -> list[dict[str, Any]]:
        """Return the provider's sessions of a payment."""
        made = self.objects("checkout_session")
        return [one for one in made if one["client_reference_id"] == payment]

    def event(self, kind: str, about: str) -> dict[str, Any]:
        """Return the provider's event of this kind about an object."""
        for event in self.objects("event"):
            if event["type"] == kind and event["data"]["object"]["id"] == about:
                return event
        raise AssertionError(f"there is no {kind} about {about}")

    def deliver(self, event: dict[str, Any]) -> int:
        """Deliver an event once more, and return what it was answered."""
        raw = json.dumps(event).encode()
        signed = factory.signature(raw, secret=self.house.webhook_secret)
        url = f"{self.house.url}/api/webhooks/stripe"
        headers = {"Stripe-Signature": signed}
        return httpx.post(url, content=raw, headers=headers, timeout=20).status_code

    @property
    def journal(self) -> JournalContents:
        return read_journal(self.house.simulator_url)

    # What an operator does.

    def file(self, payment: str) -> File:
        with self.house.database.connect() as conn:
            return payments.file(conn, payment_id=ids.read("pay", payment), owner=None)

    def outcomes(self, payment: str) -> list[str | None]:
        """Return what became of each call for a payment and its refunds, in their order."""
        return [one.outcome for one in self.file(payment).tries]

    def refund_of(self, payment: str, identity: UUID) -> Refund:
        return next(one for one in self.file(payment).refunds if one.id == identity)

    def advance(self, seconds: int) -> None:
        """Move the house's test clock on."""
        with self.house.database.connect() as conn:
            db.advance(conn, seconds=seconds, environment="test")

    def compared(self, *, within_s: int = 30) -> dict[str, Any]:
        """Compare the journal with the books, and return what the command says."""
        done = self.house.tallystick("simulator", "compare", "--json", "--within", str(within_s))
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def is_right(self) -> dict[str, Any]:
        """Assert that nothing is left undone and all books agree; return what was compared."""
        found = self.compared()
        assert found["ok"], found
        until(lambda: self.scalar(_UNDONE) == 0)
        verified = self.house.tallystick("ledger", "verify", "--json")
        assert verified.returncode == 0, verified.stdout
        return found["compared"]

    def scalar(self, statement: str, *values: object) -> Any:
        return self.house.database.scalar(statement, *values)

    def _api(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.key.text}",
            "Idempotency-Key": secrets.token_hex(8),
        }
        url = f"{self.house.url}{path}"
        return httpx.request(method, url, headers=headers, timeout=20, **options)


#: Jobs of money that run, or should have run by now.
_UNDONE = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE queue_name = 'money'
        AND (status = 'doing' OR status = 'todo' AND coalesce(scheduled_at, now()) <= now())"""


@contextmanager
def opened(database: Any, folder: Path, **settings: str) -> Iterator[Till]:
    """Start a house of one's own whose dead jobs are found soon, and give its till."""
    quick = {
        "TALLYSTICK_JOB_STALLED_AFTER_S": "2",
        "TALLYSTICK_STRIPE_TIMEOUT_S": "1",
        # Faults are many here; what a breaker makes of them has proofs of its own.
        "TALLYSTICK_BREAKER_VOLUME_MIN": "1000",
    }
    scopes = (Scope.PAYMENTS_WRITE, Scope.PAYMENTS_READ, Scope.WALLETS_READ)
    with running_house(database, folder, **{**quick, **settings}) as house:
        with database.connect() as conn:
            key = issued(conn, *scopes, now=db.now(conn))
        yield Till(house, key)
