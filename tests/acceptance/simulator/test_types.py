"""Every reply over HTTP fits the SDK's own types, whatever became of the payment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.acceptance.simulator.process import KEY, Listener, Running, order, wait_for
from tests.acceptance.simulator.sdk_types import misfits

LISTS = (
    "checkout/sessions",
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
    "balance_transactions",
    "events",
)
EXPANDED = (
    "checkout/sessions?expand[]=data.line_items&expand[]=data.payment_intent.latest_charge",
    "charges?expand[]=data.refunds&expand[]=data.balance_transaction",
    "refunds?expand[]=data.charge&expand[]=data.balance_transaction&expand[]=data.payment_intent",
    "disputes?expand[]=data.charge&expand[]=data.payment_intent",
    "balance_transactions?expand[]=data.source",
    "payment_intents?expand[]=data.payment_method",
)
#: What no charge can have.
WRONG: tuple[tuple[str, object], ...] = (
    ("status", "teleported"),
    ("amount", "150000"),
    ("amount", True),
    ("currency", None),
    ("payment_intent", 1),
    ("colour", "blue"),
    ("object", "refund"),
)


@pytest.fixture(scope="module")
def line() -> Iterator[httpx.Client]:
    """Give a connection that many reads share."""
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}) as line:
        yield line


def get(line: httpx.Client, running: Running, path: str) -> Any:
    answer = line.get(f"{running.url}/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def live_through_everything(line: httpx.Client, running: Running) -> None:
    """Let payments, refunds and disputes come to every end that they can have."""
    v1 = running.client().v1
    v1.checkout.sessions.create(order())
    v1.checkout.sessions.expire(v1.checkout.sessions.create(order()).id)
    for card in ("4000000000000002", "4000002500003155", "4000000000000069"):
        session = v1.checkout.sessions.create({**order(), "customer_email": "a@b.example"})
        running.control("pay", {"session": session.id, "card": card, "authenticate": None})
    v1.refunds.create({"charge": running.paid().id, "metadata": {"refund": "ref_1"}})
    for status in ("succeeded", "failed"):
        running.next("pending_refund")
        refund = v1.refunds.create({"charge": running.paid().id, "amount": 100})
        assert not misfits(get(line, running, f"refunds/{refund.id}"))
        running.control(f"stripe/refunds/{refund.id}", {"status": status})
    running.control("stripe/refunds", {"charge": running.paid().id})
    for status in ("under_review", "won", "lost"):
        dispute = running.control("stripe/disputes", {"charge": running.paid().id})
        running.control(f"stripe/disputes/{dispute['id']}", {"status": status})
    running.control("stripe/disputes", {"charge": running.paid().id})


class TestReplies:
    def test_fit_the_types_of_the_sdk(
        self, line: httpx.Client, heard: Running, listener: Listener
    ) -> None:
        live_through_everything(line, heard)
        for path in LISTS:
            page = get(line, heard, f"{path}?limit=100")
            assert page["data"], path
            assert not misfits(page)
            for one in page["data"][:20]:
                assert not misfits(get(line, heard, f"{path}/{one['id']}"))
        for path in EXPANDED:
            assert not misfits(get(line, heard, path))
        assert not misfits(get(line, heard, "account"))
        owed = len(get(line, heard, "events?limit=100")["data"])
        wait_for(lambda: len(listener.got) == owed)
        for event in listener.events():
            assert not misfits(event.to_dict())

    def test_that_are_wrong_are_found_by_this_check(
        self, line: httpx.Client, running: Running
    ) -> None:
        charge = get(line, running, f"charges/{running.paid().id}")
        assert not misfits(charge)
        for name, value in WRONG:
            assert misfits({**charge, name: value}), name
        assert misfits({name: value for name, value in charge.items() if name != "amount"})
