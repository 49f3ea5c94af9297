"""Send, wallet, receipt and handle, through the pages themselves."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import psycopg
import pytest
from django.test import Client

from factories.ledger import KES, fund
from tallystick import db, ids, ledger, wallets
from tallystick.money import Currency, Money
from tallystick.wallets import Wallet

TABLES = ("posting", "transfer", "idempotency")


class Pair:
    """Amina, who has KES 1,000.00, and Wanjiru, who has a handle and nothing else."""

    def __init__(self, site, sign_up) -> None:
        self.site = site
        self.amina: Client = sign_up("amina@example.org")
        self.wanjiru: Client = sign_up("wanjiru@example.org")
        form = {"name": "Wanjiru Kamau", "handle": "@Wanjiru"}
        assert self.wanjiru.post("/settings/profile", form).status_code == 302
        with psycopg.connect(site.url) as conn:
            fund(conn, self.wallet("amina").available_id, 100_000)

    def wallet(self, who: str) -> Wallet:
        with psycopg.connect(self.site.url) as conn:
            find = "SELECT id FROM people_person WHERE email = %s"
            [person] = conn.execute(find, (f"{who}@example.org",)).fetchone()
            return wallets.of_owner(conn, owner=f"person:{person}")[0]

    def held(self, who: str) -> int:
        return self.wallet(who).available.minor

    def send(self, *, at: datetime) -> str:
        """Book a transfer that happened at another time, and return its shown id."""
        payer, payee = self.wallet("amina"), self.wallet("wanjiru")
        with psycopg.connect(self.site.url) as conn:
            done = wallets.transfer(
                conn,
                actor=payer.owner,
                owner=payer.owner,
                from_wallet=payer.id,
                to_wallet=payee.id,
                amount=Money(25_000, KES),
                request_id="test",
                now=at,
            )
        return ids.show("tra", done.id)

    def counts(self) -> list[int]:
        return [self.site.count(f"tallystick.{table}") for table in TABLES]

    def ask(self, **change: str):
        first = {"to": "wanjiru", "amount": "250", "note": "rent", "key": str(ids.new())}
        return self.amina.post("/send", {**first, **change}, follow=True)

    def confirm(self, asked):
        return self.amina.post("/send/confirm", hidden(asked))


def hidden(answer) -> dict[str, str]:
    """Return the fields of the confirmation's form."""
    page = answer.content.decode().partition('action="/send/confirm"')[2]
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in found if name != "csrfmiddlewaretoken"}


@pytest.fixture
def pair(site, sign_up) -> Pair:
    return Pair(site, sign_up)


class TestSend:
    @pytest.mark.parametrize(
        "to", ["wanjiru", "@wanjiru", " WANJIRU ", "wanjiru@example.org", "link", "wallet"]
    )
    def test_shows_who_it_is_and_what_is_left(self, pair, to):
        shown = ids.show("wal", pair.wallet("wanjiru").id)
        named = {"link": f"http://127.0.0.1:8123/pay/{shown}", "wallet": shown}.get(to, to)
        page = pair.ask(to=named).content.decode()
        assert "to Wa… K." in page
        assert "KES\xa0750.00" in page
        assert pair.held("amina") == 100_000

    @pytest.mark.parametrize(
        "to",
        ["nobody", "nobody@example.org", "wal_" + "0" * 26, "person:1", "wanjiru@", "x" * 320],
    )
    def test_says_the_same_of_whoever_is_not_there(self, pair, to):
        answer = pair.ask(to=to)
        assert answer.status_code == 422
        assert "Nobody can be paid under this name" in answer.content.decode()

    def test_does_not_find_an_address_that_was_never_verified(self, pair, sign_up):
        sign_up("mallory@example.org", confirmed=False)
        assert b"Nobody can be paid" in pair.ask(to="mallory@example.org").content

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"amount": "0"}, "above 0"),
            ({"amount": "-1"}, "above 0"),
            ({"amount": "1.005"}, "2 decimals at most"),
            ({"amount": "9" * 16}, "at most"),
            ({"amount": "1000.01"}, "The wallet has KES 1,000.00"),
            ({"to": ""}, "Say who gets the money"),
            ({"to": "amina@example.org"}, "your own wallet"),
            ({"note": "x" * 141}, "at most 140"),
            ({"note": "two\u2028lines"}, "one line"),
            ({"note": "\u202eback"}, "one line"),
            ({"key": ""}, "has lost its number"),
        ],
    )
    def test_refuses_and_changes_nothing(self, pair, change, said):
        before = pair.counts()
        answer = pair.ask(**change)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert pair.counts() == before

    def test_counts_who_asks_for_whom(self, pair):
        answers = [pair.ask(to="nobody").content for _ in range(21)]
        assert b"too often" in answers[20]
        assert b"too often" not in answers[19]

    def test_fills_in_the_recipient_of_a_link(self, pair):
        shown = ids.show("wal", pair.wallet("wanjiru").id)
        answer = pair.amina.get(f"/pay/{shown}", follow=True)
        assert f'value="{shown}"' in answer.content.decode()

    def test_of_a_wallets_link_begins_in_the_currency_of_that_wallet(self, pair):
        with psycopg.connect(pair.site.url) as conn:
            usd = Currency("USD")
            now = db.now(conn)
            mine, theirs = (
                wallets.open_wallet(conn, owner=pair.wallet(who).owner, currency=usd, now=now)
                for who in ("amina", "wanjiru")
            )
            fund(conn, mine.available_id, 900, currency=usd)
        page = pair.amina.get(f"/pay/{ids.show('wal', theirs.id)}", follow=True).content.decode()
        assert "In your USD wallet" in page
        assert f"?from={ids.show('wal', pair.wallet('amina').id)}" in page
        answer = pair.ask(
            to=ids.show("wal", theirs.id), amount="5", **{"from": ids.show("wal", mine.id)}
        )
        assert "Send USD\xa05.00" in answer.content.decode()

    @pytest.mark.parametrize("note", ["asante \N{MAN}\u200d\N{WOMAN}", "10\xa0kg", "شكرا"])
    def test_takes_a_note_as_people_write(self, pair, note):
        answer = pair.confirm(pair.ask(note=note))
        page = pair.amina.get(answer["Location"]).content.decode()
        assert note.replace("\xa0", " ") in page


class TestConfirm:
    def test_moves_the_money_and_shows_the_receipt_to_both(self, pair):
        answer = pair.confirm(pair.ask())
        assert answer.status_code == 302
        mine = pair.amina.get(answer["Location"]).content.decode()
        theirs = pair.wanjiru.get(answer["Location"]).content.decode()
        assert "Sent to Wa… K." in mine
        assert "KES\xa0750.00" in mine
        assert "Received from Am…" in theirs
        assert "750.00" not in theirs
        assert "rent" in mine
        assert "rent" in theirs
        assert (pair.held("amina"), pair.held("wanjiru")) == (75_000, 25_000)

    def test_sent_twice_moves_once(self, pair):
        asked = pair.ask()
        first, again = pair.confirm(asked), pair.confirm(asked)
        assert first["Location"] == again["Location"]
        assert pair.held("wanjiru") == 25_000

    def test_shows_the_receipt_after_a_step_back(self, pair):
        asked = pair.ask()
        done = pair.confirm(asked)
        back = pair.amina.get("/send/confirm", hidden(asked))
        assert back["Location"] == done["Location"]
        assert pair.held("wanjiru") == 25_000

    def test_of_one_form_sent_twice_moves_once(self, pair):
        key = str(ids.new())
        done = pair.confirm(pair.ask(key=key))
        again = pair.ask(key=key)
        assert again.redirect_chain[-1][0] == done["Location"]
        assert pair.held("wanjiru") == 25_000

    def test_of_a_form_that_was_changed_after_a_step_back_is_another_transfer(self, pair):
        key = str(ids.new())
        pair.confirm(pair.ask(key=key))
        assert pair.confirm(pair.ask(key=key, amount="50"))["Location"].startswith("/transfers/")
        assert pair.held("wanjiru") == 30_000

    def test_says_where_a_question_is_no_longer_open(self, pair):
        first = pair.ask()
        for _ in range(5):
            pair.ask()
        answer = pair.amina.post("/send/confirm", hidden(first), follow=True)
        assert "no longer open" in answer.content.decode()
        assert pair.held("wanjiru") == 0

    def test_of_a_frozen_recipient_tells_nothing_of_them(self, pair):
        asked = pair.ask()
        with psycopg.connect(pair.site.url) as conn:
            account = pair.wallet("wanjiru").available_id
            ledger.freeze(conn, account_id=account, actor="operator:1", reason="court order")
        answer = pair.confirm(asked)
        assert answer.status_code == 422
        assert "cannot be paid now" in answer.content.decode()
        assert "frozen" not in answer.content.decode()

    def test_refused_under_the_lock_changes_nothing(self, pair):
        asked, other = pair.ask(amount="700"), pair.ask(amount="600")
        pair.confirm(other)
        before = pair.counts()
        answer = pair.confirm(asked)
        assert answer.status_code == 422
        assert "The wallet has KES 400.00" in answer.content.decode()
        assert pair.counts() == before

    @pytest.mark.parametrize("key", ["", "nonsense", "0" * 300])
    def test_begins_again_for_a_key_that_nobody_was_given(self, pair, key):
        assert pair.amina.post("/send/confirm", {"key": key})["Location"] == "/send"
        assert pair.held("wanjiru") == 0

    def test_of_another_person_begins_again(self, pair):
        fields = hidden(pair.ask())
        assert pair.wanjiru.post("/send/confirm", fields)["Location"] == "/send"
        assert pair.held("wanjiru") == 0

    def test_begins_again_for_who_comes_by_address(self, pair):
        assert pair.amina.get("/send/confirm")["Location"] == "/send"


class TestWallet:
    def test_shows_what_came_from_whom_and_the_balance_after_it(self, pair):
        pair.confirm(pair.ask())
        page = pair.wanjiru.get(f"/wallets/{ids.show('wal', pair.wallet('wanjiru').id)}")
        text = page.content.decode()
        assert "From Am…" in text
        assert "+250.00" in text
        assert "KES\xa0250.00" in text
        assert "To Wa… K." in pair.amina.get("/").content.decode()

    def test_goes_on_to_what_is_older(self, pair):
        mine = pair.wallet("amina")
        with psycopg.connect(pair.site.url) as conn:
            for _ in range(30):
                fund(conn, mine.available_id, 1)
        path = f"/wallets/{ids.show('wal', mine.id)}"
        first = pair.amina.get(path).content.decode()
        [older] = re.findall(r"\?before=(\d+)", first)
        assert older == "7"
        rest = pair.amina.get(f"{path}?before={older}").content.decode()
        assert rest.count("ts-row-sum") == 6
        assert "?before=" not in rest
        for odd in ("x", "-1", "9" * 30, "٣"):
            assert pair.amina.get(path, {"before": odd}).status_code == 200

    def test_shows_the_worlds_time(self, pair):
        pair.send(at=datetime(2020, 3, 14, 9, 26, tzinfo=UTC))
        page = pair.wanjiru.get(f"/wallets/{ids.show('wal', pair.wallet('wanjiru').id)}")
        text = page.content.decode()
        assert '<h3 class="ts-day">Saturday 14 March 2020</h3>' in text
        assert ">12:26</time>" in text

    def test_begins_empty(self, pair):
        page = pair.wanjiru.get(f"/wallets/{ids.show('wal', pair.wallet('wanjiru').id)}")
        assert b"Nothing yet" in page.content

    def test_of_another_person_looks_absent(self, pair):
        done = pair.confirm(pair.ask())["Location"]
        stranger = pair.site.browser()
        assert stranger.get(done)["Location"].startswith("/sign-in")
        for path in (
            f"/wallets/{ids.show('wal', pair.wallet('amina').id)}",
            "/wallets/wal_" + "0" * 26,
            "/wallets/nonsense",
            "/transfers/tra_" + "0" * 26,
            "/transfers/nonsense",
        ):
            assert pair.wanjiru.get(path).status_code == 404, path


class TestReceipt:
    def test_tells_the_worlds_time_and_when_it_was_booked_later(self, pair):
        shown = pair.send(at=datetime(2020, 3, 14, 9, 26, tzinfo=UTC))
        page = pair.wanjiru.get(f"/transfers/{shown}").content.decode()
        assert "<dt>Date</dt><dd>14 Mar 2020, 12:26:00 EAT</dd>" in page
        assert "<dt>Booked</dt>" in page

    def test_of_a_live_transfer_tells_one_time(self, pair):
        page = pair.amina.get(pair.confirm(pair.ask())["Location"]).content.decode()
        assert "<dt>Date</dt>" in page
        assert "<dt>Booked</dt>" not in page


class TestHandle:
    @pytest.mark.parametrize(
        ("handle", "said"),
        [
            ("ab", "3 to 30"),
            ("a" * 31, "30"),
            ("has space", "3 to 30"),
            ("wànjiru", "3 to 30"),
            ("wal_" + "0" * 26, "like the number of a wallet"),
            ("WANJIRU", "has this handle"),
        ],
    )
    def test_refuses_what_is_none_or_another_persons(self, pair, handle, said):
        answer = pair.amina.post("/settings/profile", {"name": "Amina", "handle": handle})
        assert answer.status_code == 422
        assert said in answer.content.decode()

    def test_may_be_given_back(self, pair):
        pair.wanjiru.post("/settings/profile", {"name": "Wanjiru", "handle": ""})
        assert pair.amina.post("/settings/profile", {"handle": "wanjiru"}).status_code == 302


class TestBooks:
    def test_balance_after_all_that(self, pair):
        for amount in ("1", "2.50", "300"):
            pair.confirm(pair.ask(amount=amount))
        with psycopg.connect(pair.site.url) as conn:
            assert ledger.verify(conn) == []
