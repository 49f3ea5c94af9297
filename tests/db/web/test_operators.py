"""Operators' pages: who sees them, what they show, and refunds by their form."""

from __future__ import annotations

import re
import tempfile
import threading
from html import unescape
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from pydantic import SecretStr

from tallystick import ids, ledger
from tallystick.embedded import place, valkey
from tallystick.money import Currency, Money
from tallystick.payments import DisputeState, PaymentState

KES = Currency("KES")
WHOLE = Money(150_000, KES)
KEY = "01900000-0000-7000-8000-000000000009"
TABLES = (
    "tallystick.refund",
    "tallystick.payment_step",
    "tallystick.transfer",
    "tallystick.idempotency",
    "public.procrastinate_jobs",
)


@pytest.fixture
def amina(sign_up):
    return sign_up()


@pytest.fixture
def ask(amina):
    """Ask for a payment of KES 1,500 and return its path among people's pages."""

    def one(amount: str = "1500") -> str:
        answer = amina.post("/top-up", {"amount": amount, "key": str(ids.new())})
        return str(answer["Location"]).partition("?")[0]

    return one


@pytest.fixture
def paid(ask, provider) -> str:
    path = ask()
    provider.settle(path, WHOLE)
    return path


@pytest.fixture
def rows(site):
    return lambda: {table: site.count(table) for table in TABLES}


def text(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[-2000:]
    return unescape(answer.content.decode()).replace("\N{NO-BREAK SPACE}", " ")


class TestDoor:
    def test_is_open_to_operators_alone(self, site, amina, operator, paid):
        for rest in (
            "payments",
            f"payments/{paid.rpartition('/')[2]}",
            f"payments/{paid.rpartition('/')[2]}/live",
            f"payments/{paid.rpartition('/')[2]}/refund",
            "reviews",
            "breakers",
            "breakers/live",
            "breakers/stripe.collect/reset",
        ):
            path = f"/operators/{rest}"
            assert amina.get(path).status_code == 404, path
            stranger = site.browser().get(path)
            assert stranger["Location"].partition("?")[0] == "/sign-in", path
            assert operator.get(path).status_code in {200, 302}, path

    def test_takes_nothing_from_others(self, amina, paid, rows):
        before = rows()
        form = {"amount": "500", "reason": "other", "key": KEY}
        assert amina.post(f"/operators{paid}/refund", form).status_code == 404
        nobody = ids.show("rev", ids.new())
        assert amina.post(f"/operators/reviews/{nobody}/resolve").status_code == 404
        assert rows() == before

    def test_shows_the_way_to_operators_alone(self, amina, operator):
        assert "/operators/payments" not in text(amina.get("/"))
        assert 'href="/operators/payments"' in text(operator.get("/"))


class TestList:
    def test_says_that_there_is_nothing(self, operator):
        assert "No payments yet" in text(operator.get("/operators/payments"))
        told = text(operator.get("/operators/payments?state=unknown"))
        assert "No payment is in this state" in told

    def test_picks_a_state(self, operator, ask, provider):
        silent, ready = ask(), ask()
        provider.fall_silent(silent)
        provider.accept(ready)
        told = text(operator.get("/operators/payments?state=unknown"))
        assert silent in told
        assert ready not in told
        assert "Amina" in told
        # A state that is none is no state.
        everything = text(operator.get("/operators/payments?state=lost"))
        assert silent in everything
        assert ready in everything

    def test_has_an_end(self, operator, ask):
        paths = [ask() for _ in range(27)]
        first = text(operator.get("/operators/payments?state=created"))
        shown = re.findall(r'href="/operators(/payments/pay_\w+)"', first)
        assert shown == paths[:1:-1]
        older = re.search(r'href="(/operators/payments\?[^"]+)">Older', first)
        assert older is not None
        rest = text(operator.get(older[1]))
        assert re.findall(r'href="/operators(/payments/pay_\w+)"', rest) == paths[1::-1]
        assert "Older" not in rest
        assert "Newest" in rest

    def test_finds_by_any_number(self, operator, paid, provider):
        shown = paid.rpartition("/")[2]
        identity = ids.read("pay", shown)
        provider.dispute(paid, Money(1_000, KES))
        for number in (shown, f" cs_{identity} ", f"pi_{identity}", f"du_{identity}"):
            answer = operator.get("/operators/payments", {"q": number})
            assert (answer.status_code, answer["Location"]) == (302, f"/operators{paid}")

    def test_says_where_nothing_is_found(self, operator, paid):
        nobody = ids.show("pay", ids.new())
        for number in ("pi_nobody", nobody, "'; DROP", "a\x00b", "x" * 500, "<b>"):
            answer = operator.get("/operators/payments", {"q": number})
            assert "No payment has this number" in text(answer)
            assert b"<b>" not in answer.content


class TestPayment:
    def test_shows_all_of_it(self, operator, paid, provider):
        give_back(operator, paid, "500")
        provider.begin(paid, refund=True)
        provider.refunded(paid)
        provider.dispute(paid, Money(2_000, KES), DisputeState.LOST)
        told = text(operator.get(f"/operators{paid}"))
        for said in (
            "KES 1,500.00 <span>of Amina</span>",
            "KES 500.00 went back",
            "The bank asks for KES 20.00 back",
            "Ask for the payment",
            "Ask for the refund",
            "Olive",
            "The customer asked for it",
            "Amina’s wallet, set aside",
            "Stripe, for us",
            "took KES 20.00",
        ):
            assert said in told, said
        assert told.count('<td data-label="Out of">') == 4

    def test_keeps_fresh_as_long_as_something_can_come(self, operator, paid, provider):
        assert "data-live" not in text(operator.get(f"/operators{paid}"))
        give_back(operator, paid, "500")
        live = re.search(r'hx-get="([^"]+)"', text(operator.get(f"/operators{paid}")))
        assert live is not None
        assert operator.get(live[1]).status_code == 204
        provider.begin(paid, refund=True)
        assert "Open" in text(operator.get(live[1]))
        provider.refunded(paid)
        assert "data-live" not in text(operator.get(live[1]))

    def test_says_what_cannot_go_back(self, operator, ask, paid, provider):
        open_one, lost = ask(), ask()
        assert "Nothing has come in yet." in text(operator.get(f"/operators{open_one}"))
        provider.refuse(lost)
        assert "It brought no money to the wallet" in text(operator.get(f"/operators{lost}"))
        give_back(operator, paid, "1500")
        told = text(operator.get(f"/operators{paid}"))
        assert "All of it has gone back, or is going back." in told

    def test_that_is_not_there_is_404(self, operator):
        for shown in ("nonsense", ids.show("pay", ids.new())):
            for rest in ("", "/live", "/refund"):
                answer = operator.get(f"/operators/payments/{shown}{rest}")
                assert answer.status_code == 404


def give_back(browser, path: str, amount: str, **change: str):
    form = {"amount": amount, "reason": "requested_by_customer", "key": str(ids.new()), **change}
    return browser.post(f"/operators{path}/refund", form)


class TestRefund:
    def test_is_asked_once_more_and_then_done(self, site, operator, paid):
        page = text(operator.get(f"/operators{paid}"))
        assert 'name="amount" value="1500.00"' in page
        form = {"amount": "500", "reason": "duplicate", "key": KEY}
        asked = text(operator.get(f"/operators{paid}/refund", form))
        assert "leaves Amina’s wallet and goes back to the card" in asked
        assert "KES 1,000.00 of KES 1,500.00 stays." in asked
        assert "It was paid twice" in asked
        assert site.count("tallystick.refund") == 0
        sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked))
        done = operator.post(f"/operators{paid}/refund", sent)
        assert (done.status_code, done["Location"]) == (302, f"/operators{paid}")
        assert "KES 500.00 is on its way back." in text(operator.get(f"/operators{paid}"))
        assert site.count("tallystick.refund") == 1
        with psycopg.connect(site.url) as conn:
            assert ledger.verify(conn) == []

    def test_sent_ten_times_at_once_is_one(self, site, operator, paid):
        cookies, gate = operator.cookies, threading.Barrier(10)
        statuses: list[int] = []

        def click() -> None:
            browser = site.browser()
            browser.cookies = cookies
            gate.wait()
            statuses.append(give_back(browser, paid, "900", key=KEY).status_code)
            connection.close()

        threads = [threading.Thread(target=click) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert site.count("tallystick.refund") == 1
        assert set(statuses) <= {302, 422}
        assert 302 in statuses

    def test_sent_again_with_another_amount_is_looked_at_again(self, site, operator, paid):
        give_back(operator, paid, "500", key=KEY)
        told = text(give_back(operator, paid, "600", key=KEY), 422)
        assert "This form was sent before" in told
        fresh = re.search(r'name="key" value="([^"]+)"', told)
        assert fresh is not None
        assert fresh[1] != KEY
        assert site.count("tallystick.refund") == 1

    def test_that_is_wrong_leaves_nothing(self, operator, paid, rows):
        before = rows()
        for change, said in (
            ({"amount": "1500.01"}, "KES 1,500.00 of it is left"),
            ({"amount": "0"}, "above 0"),
            ({"amount": "-1"}, "above 0"),
            ({"amount": "all"}, "in digits"),
            ({"amount": ""}, "Type an amount"),
            ({"amount": "1.005"}, "2 decimals at most"),
            ({"reason": "bored"}, "Choose one of these."),
            ({"reason": ""}, "Say why."),
            ({"key": ""}, "has lost its number"),
        ):
            form = {"amount": "500", "reason": "other", "key": KEY, **change}
            for send in (operator.get, operator.post):
                assert said in text(send(f"/operators{paid}/refund", form), 422)
        assert rows() == before

    def test_beyond_what_the_wallet_holds_says_so(self, operator, amina, paid, sign_up, rows):
        sign_up("bakari@example.org")
        answer = amina.post(
            "/send", {"to": "bakari@example.org", "amount": "1400", "key": str(ids.new())}
        )
        key = str(answer["Location"]).rpartition("=")[2]
        assert amina.post("/send/confirm", {"key": key}).status_code == 302
        before = rows()
        form = {"amount": "500", "reason": "other", "key": KEY}
        for send in (operator.get, operator.post):
            told = text(send(f"/operators{paid}/refund", form), 422)
            assert "KES 100.00: less than is to go back" in told
        assert rows() == before

    def test_needs_a_token_of_ours(self, site, operator, paid):
        from django.test import Client  # noqa: PLC0415 - Django has to stand first

        strict = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1", SERVER_PORT="8123")
        strict.cookies = operator.cookies
        assert give_back(strict, paid, "500").status_code == 403
        assert site.count("tallystick.refund") == 0


class TestReviews:
    @pytest.fixture
    def review(self, operator, ask, provider) -> str:
        path = ask()
        provider.fall_silent(path)
        provider.give_up(path)
        told = text(operator.get("/operators/reviews"))
        assert f'href="/operators{path}"' in told
        found = re.search(r'action="(/operators/reviews/rev_\w+/resolve)"', told)
        assert found is not None
        return found[1]

    def test_say_that_nothing_waits(self, operator):
        assert "Nothing waits for you" in text(operator.get("/operators/reviews"))
        assert "Nothing was resolved yet" in text(operator.get("/operators/reviews?state=resolved"))

    def test_are_answered_with_a_reason_and_kept(self, operator, review):
        for empty in ("", "   ", "x" * 501):
            told = text(operator.post(review, {"reason": empty}), 422)
            assert "Say in 1 to 500 characters what you found." in told
        done = operator.post(review, {"reason": "Stripe never got <b>it</b>."})
        assert (done.status_code, done["Location"]) == (302, "/operators/reviews")
        assert "Nothing waits for you" in text(operator.get("/operators/reviews"))
        kept = operator.get("/operators/reviews?state=resolved")
        assert "Stripe never got <b>it</b>." in text(kept)
        assert b"<b>" not in kept.content
        assert "Olive" in text(kept)
        again = operator.post(review, {"reason": "Twice"})
        assert again["Location"] == "/operators/reviews?state=resolved"
        assert "Somebody has answered this already" in text(operator.get(again["Location"]))

    def test_that_are_not_there_are_404(self, operator):
        for shown in ("nonsense", ids.show("rev", ids.new())):
            answer = operator.post(f"/operators/reviews/{shown}/resolve", {"reason": "x"})
            assert answer.status_code == 404


@pytest.fixture(scope="module")
def store():
    """Start a Valkey of one's own."""
    with tempfile.TemporaryDirectory(prefix="tallystick-tests-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        chosen = place.choose(Path(folder), report=lambda _: None)
        server = valkey.start(chosen, "secret", 0, log=Path(folder) / "valkey.log")
        yield server.url("secret")
        server.stop()


class TestBreakers:
    @pytest.fixture
    def breakers(self, site, store):
        """Give the breakers of the house, which the store shares."""
        from tallystick.web.house import house  # noqa: PLC0415 - Django has to stand first

        ours = settings.TALLYSTICK.model_copy(update={"redis_url": SecretStr(store)})
        with override_settings(TALLYSTICK=ours):
            house.cache_clear()
            yield house().breakers
            house().close()
        house.cache_clear()

    @staticmethod
    def fail(breakers, name: str = "stripe.collect") -> None:
        def fall() -> None:
            raise TimeoutError

        for _ in range(20):
            try:
                breakers.call(name, fall, is_failure=lambda _: True)
            except Exception:  # noqa: BLE001, S112 - what a call raises is not the matter here
                continue

    def test_say_that_their_store_is_away(self, operator):
        for path in ("/operators/breakers", "/operators/breakers/live"):
            assert "The store of the breakers is away" in text(operator.get(path))
        answer = operator.post("/operators/breakers/stripe.collect/reset")
        assert answer["Location"] == "/operators/breakers"
        assert "nothing can be reset now" in text(operator.get("/operators/breakers"))

    def test_are_shown_and_reset_once_more_asked(self, operator, breakers):
        assert "No breaker is known" in text(operator.get("/operators/breakers"))
        breakers.call("stripe.look_up", lambda: None, is_failure=lambda _: True)
        self.fail(breakers)
        told = text(operator.get("/operators/breakers"))
        assert "Stripe: asking for payments" in told
        assert "The circuit is open: no call goes out" in told
        assert "The circuit is closed: calls go out" in told
        assert re.search(r"The next probe goes in \d+ s", told)
        path = "/operators/breakers/stripe.collect/reset"
        assert f'href="{path}"' in told
        assert "Reset this breaker?" in text(operator.get(path))
        assert [view.state.value for view in breakers.fleet_views()] == ["open", "closed"]
        assert operator.post(path)["Location"] == "/operators/breakers"
        told = text(operator.get("/operators/breakers"))
        assert "Calls go out again" in told
        assert [view.state.value for view in breakers.fleet_views()] == ["closed", "closed"]
        operator.post(path)
        assert "it was closed already" in text(operator.get("/operators/breakers"))
        assert operator.get("/operators/breakers/stripe.nothing/reset").status_code == 404


def test_every_state_has_operators_words() -> None:
    from tallystick.web.operators import file  # noqa: PLC0415 - Django has to stand first

    assert set(file._REFUNDS) == set(PaymentState)
