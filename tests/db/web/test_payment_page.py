"""A payment's page, whatever becomes of it: what a person is told, and what they may do."""

from __future__ import annotations

import re

import psycopg
import pytest

from factories.wallets import wallet as opened
from tallystick import db, ids, ledger, wallets
from tallystick.money import Currency, Money
from tallystick.payments import DisputeState, PaymentState, RefundStatus

KES = Currency("KES")
WHOLE = Money(150_000, KES)
NEVER = re.compile(rb"(?i)\bfailed\b")


@pytest.fixture
def amina(sign_up):
    return sign_up()


@pytest.fixture
def path(amina) -> str:
    answer = amina.post("/top-up", {"amount": "1500", "key": str(ids.new())})
    return str(answer["Location"]).partition("?")[0]


@pytest.fixture
def give_back(operator, provider):
    """Refund a payment as an operator does over the API."""

    def one(path: str, minor: int) -> None:
        shown = path.rpartition("/")[2]
        answer = operator.post(
            f"/api/payments/{shown}/refunds",
            f'{{"amount": {minor}}}',
            content_type="application/json",
            headers={"Idempotency-Key": str(ids.new())},
        )
        assert answer.status_code == 201, answer.content

    return one


def page(browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


class TestQueue:
    def test_says_until_when_it_waits(self, amina, path, provider):
        provider.be_away(path)
        told = page(amina, path)
        assert "Queued until Stripe can be reached" in told
        assert re.search(r"It is sent as soon as it can, until (\w+ )?\d\d:\d\d\.", told)
        assert "data-live" in told
        assert "Queued" in page(amina, "/")

    def test_says_that_nothing_was_sent_in_time(self, amina, path, provider):
        provider.be_away(path)
        provider.end(path, PaymentState.EXPIRED, "Nothing was sent in time.")
        told = page(amina, path)
        assert "Stripe could not be reached in time" in told
        assert "nothing was taken" in told
        assert f'href="/top-up?amount={WHOLE.major}"' in told
        assert "data-live" not in told


class TestUnknown:
    def test_is_never_called_failed_and_asks_nobody_to_pay_again(self, amina, path, provider):
        provider.fall_silent(path)
        told = page(amina, path)
        assert "We do not know yet whether Stripe has it" in told
        assert "do not pay again" in told
        assert "nothing is lost" in told
        assert not NEVER.search(told.encode())
        assert "Try again" not in told
        assert "Continue to payment" not in told
        assert "data-live" in told
        provider.give_up(path)
        told = page(amina, path)
        assert "Somebody is looking into this" in told
        assert not NEVER.search(told.encode())
        assert "Try again" not in told
        assert "data-live" in told

    def test_ends_with_the_money(self, amina, path, provider):
        provider.fall_silent(path)
        provider.pay(path, WHOLE)
        told = page(amina, path)
        assert "The money is in your wallet" in told
        assert "We asked until somebody knew." in told
        assert "data-live" not in told


class TestRefusal:
    def test_offers_another_card(self, amina, path, provider):
        provider.accept(path)
        provider.decline(path)
        told = page(amina, path)
        assert "The card was refused" in told
        assert re.search(r'href="https://checkout\.example/cs_1">Try another card', told)

    def test_for_good_lets_try_again(self, amina, path, provider):
        provider.refuse(path)
        told = page(amina, path)
        assert "The payment was refused" in told
        assert "Stripe takes no such payment." in told
        assert "Try again" in told
        assert "data-live" not in told

    def test_of_time_lets_try_again_until_money_comes_after_all(self, amina, path, provider):
        provider.accept(path)
        provider.expire(path)
        told = page(amina, path)
        assert "ran out of time" in told
        assert "Try again" in told
        provider.pay(path, WHOLE)
        told = page(amina, path)
        assert "The money came after all" in told
        assert "Try again" not in told
        assert "KES 1,500.00 came after all" in told

    def test_of_another_amount_keeps_it_aside(self, amina, path, provider):
        provider.accept(path)
        provider.pay(path, Money(140_000, KES))
        told = page(amina, path)
        assert "Somebody is looking into this" in told
        assert "KES 1,400.00 came, another amount than asked for" in told
        assert "kept aside until somebody has looked" in told


class TestRefund:
    def test_is_told_on_its_way_and_when_it_is_done(self, amina, path, provider, give_back):
        provider.settle(path, WHOLE)
        give_back(path, 50_000)
        told = page(amina, path)
        assert "KES 500.00 is going back" in told
        assert "data-live" in told
        provider.be_away(path, refund=True)
        assert "Stripe cannot be reached. Sent as soon as it can, until" in page(amina, path)
        provider.begin(path, refund=True)
        provider.refunded(path)
        told = page(amina, path)
        assert "KES 500.00 went back" in told
        assert "The money is in your wallet" in told
        assert "data-live" not in told
        give_back(path, 100_000)
        provider.begin(path, refund=True)
        provider.refunded(path)
        told = page(amina, path)
        assert "The money went back" in told
        assert "KES 1,500.00 went back to where it came from" in told

    def test_that_is_refused_leaves_the_money(self, amina, path, provider, give_back):
        provider.settle(path, WHOLE)
        give_back(path, 50_000)
        provider.begin(path, refund=True)
        provider.refunded(path, RefundStatus.FAILED)
        told = page(amina, path)
        assert "KES 500.00 did not go back" in told
        assert "It is in the wallet again." in told
        assert "The money is in your wallet" in told

    def test_that_comes_back_is_told(self, amina, path, provider, give_back):
        provider.settle(path, WHOLE)
        give_back(path, 150_000)
        provider.begin(path, refund=True)
        provider.refunded(path)
        provider.refunded(path, RefundStatus.FAILED)
        told = page(amina, path)
        assert "KES 1,500.00 came back" in told
        assert "The money is in your wallet" in told


class TestDispute:
    @pytest.mark.parametrize(
        ("state", "said", "is_live"),
        [
            (DisputeState.OPEN, "The bank asks for the money back", True),
            (DisputeState.WON, "The money is in your wallet", False),
            (DisputeState.LOST, "The bank took the money back", False),
        ],
    )
    def test_is_told_as_far_as_it_is(self, amina, path, provider, state, said, is_live):
        provider.settle(path, WHOLE)
        provider.dispute(path, WHOLE, state)
        told = page(amina, path)
        assert said in told
        assert "The bank asks for KES 1,500.00 back" in told
        assert ("data-live" in told) is is_live

    def test_beyond_cover_is_owed_and_said_so(self, site, amina, path, provider):
        provider.settle(path, WHOLE)
        with psycopg.connect(site.url) as conn:
            [(owner,)] = db.rows(conn, "SELECT owner FROM tallystick.payment", {})
            [mine] = wallets.of_owner(conn, owner=owner)
            other = opened(conn, owner="shop:1")
            wallets.transfer(
                conn,
                actor=owner,
                owner=owner,
                from_wallet=mine.id,
                to_wallet=other.id,
                amount=Money(144_000, KES),
                request_id="test",
                now=db.now(conn),
            )
        assert "You owe" not in page(amina, "/")
        provider.dispute(path, WHOLE, DisputeState.LOST)
        said = "<strong>You owe KES 1,440.00:</strong> the next money that comes in pays it first."
        assert said in page(amina, "/")
        assert said in page(amina, f"/wallets/{ids.show('wal', mine.id)}")
        seen = amina.get(f"/api/wallets/{ids.show('wal', mine.id)}").json()
        assert seen["owes"]["amount"] == 144_000
        with psycopg.connect(site.url) as conn:
            assert ledger.verify(conn) == []


class TestFragment:
    def test_comes_again_whenever_anything_moved(self, amina, path, provider, give_back):
        def live() -> str:
            found = re.search(r'hx-get="([^"]+)"', page(amina, path))
            assert found is not None
            return found[1].replace("&amp;", "&")

        for move in (provider.be_away, provider.accept, provider.decline):
            before = live()
            assert amina.get(before).status_code == 204
            move(path)
            assert amina.get(before).status_code == 200
        before = live()
        provider.pay(path, WHOLE)
        assert b"data-live" not in amina.get(before).content
        give_back(path, 50_000)
        before = live()
        provider.begin(path, refund=True)
        assert amina.get(before).status_code == 200
