"""Transfers through the real doors: one effect a key, refusals that change nothing."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import httpx
import pytest

from factories.ledger import fund
from tallystick import ids, ledger

TABLES = ("posting", "transfer", "note", "wallet")


class Member(httpx.Client):
    """A signed-in person with a wallet, as the API's callers are."""

    wallet: str
    email: str

    def sign_up(self, house) -> Member:
        self.email, phrase = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(24)
        page = self.get("/sign-up")
        form = {"name": "Achieng Otieno", "email": self.email, "password1": phrase}
        self.post(page.url, data={**form, "csrfmiddlewaretoken": self.cookies["csrftoken"]})
        body = house.database.scalar(
            "SELECT body_text FROM tallystick.mail WHERE to_address = %s ORDER BY id DESC LIMIT 1",
            self.email,
        )
        [link] = [word for word in str(body).split() if "/verify-email/" in word]
        confirm = self.get(link)
        self.post(confirm.url, data={"csrfmiddlewaretoken": self.cookies["csrftoken"]})
        self.headers["X-CSRFToken"] = self.cookies["csrftoken"]
        self.headers["Referer"] = house.url
        [wallet] = self.get("/api/wallets").json()["items"]
        self.wallet = wallet["id"]
        return self

    @property
    def held(self) -> int:
        return int(self.get(f"/api/wallets/{self.wallet}").json()["available"]["amount"])

    def transfer(self, to: str, *, key: str | None = None, **change: object) -> httpx.Response:
        asked = {"from": self.wallet, "to": to, "amount": 100, "currency": "KES", **change}
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        return self.post("/api/transfers", json=asked, headers=headers)


@pytest.fixture(scope="module")
def pair(house) -> Iterator[tuple[Member, Member]]:
    """Two people; the first has KES 10,000.00."""
    one = Member(base_url=house.url, follow_redirects=True, timeout=30)
    other = Member(base_url=house.url, follow_redirects=True, timeout=30)
    with one, other:
        one.sign_up(house)
        other.sign_up(house)
        give(house, one, 1_000_000)
        yield one, other


def give(house, member: Member, minor: int) -> None:
    with house.database.connect() as conn:
        find = "SELECT available_id FROM tallystick.wallet WHERE id = %s"
        [account] = conn.execute(find, (ids.read("wal", member.wallet),)).fetchone()
        fund(conn, account, minor)


def counts(house) -> list[object]:
    found = [house.database.scalar(f"SELECT count(*) FROM tallystick.{one}") for one in TABLES]
    return [*found, house.database.scalar("SELECT sum(version) FROM tallystick.account")]


class TestTransfer:
    def test_answers_with_the_callers_own_wallet_and_nothing_of_the_other(self, pair):
        one, other = pair
        before, theirs = one.held, other.held
        answer = one.transfer(other.wallet, note="rent")
        assert answer.status_code == 201, answer.text
        done = answer.json()
        assert set(done) == {"id", "amount", "currency", "wallet", "created_at"}
        assert done["wallet"]["id"] == one.wallet
        assert done["wallet"]["balance"] == {"amount": before - 100, "currency": "KES"}
        assert other.wallet not in answer.text
        assert (one.held, other.held) == (before - 100, theirs + 100)

    @pytest.mark.parametrize("how", ["email", "link"])
    def test_finds_who_is_meant(self, house, pair, how):
        one, other = pair
        to = {"email": other.email.upper(), "link": f"{house.url}/pay/{other.wallet}"}[how]
        assert one.transfer(to).status_code == 201

    def test_by_a_key_finds_who_is_meant_and_counts_the_names_it_tries(self, house, pair):
        one, other = pair
        token = house.tallystick(
            *("keys", "create", "names", "--person", one.email, "--scope", "transfers:write")
        ).stdout.strip()
        bearer = {"Authorization": f"Bearer {token}"}

        def ask(to: str) -> tuple[int, str | None]:
            asked = {"from": one.wallet, "to": to, "amount": 1, "currency": "KES"}
            headers = {**bearer, "Idempotency-Key": secrets.token_hex(8)}
            answer = httpx.post(f"{house.url}/api/transfers", json=asked, headers=headers)
            return answer.status_code, answer.json().get("code")

        assert ask(other.email) == (201, None)
        for odd in ("@", "nobody@example.org", "%", "\N{IDEOGRAPHIC SPACE}", "ı@İ.com"):
            assert ask(odd) == (404, "recipient_unknown")

    def test_is_shown_to_both_sides_and_to_nobody_else(self, house, pair):
        one, other = pair
        done = one.transfer(other.wallet, note="rent").json()
        path = f"/api/transfers/{done['id']}"
        mine, theirs = one.get(path).json(), other.get(path).json()
        assert (mine["direction"], theirs["direction"]) == ("sent", "received")
        assert mine["wallet"] == done["wallet"]
        assert theirs["wallet"]["id"] == other.wallet
        assert {mine["note"], theirs["note"]} == {"rent"}
        token = house.tallystick(
            *("keys", "create", "shop", "--every-owner", "--scope", "transfers:read")
        ).stdout.strip()
        bearer = {"Authorization": f"Bearer {token}"}
        stranger = httpx.get(f"{house.url}{path}?owner=shop:nobody", headers=bearer)
        assert (stranger.status_code, stranger.json()["code"]) == (404, "transfer_not_found")

    @pytest.mark.parametrize(
        "amount", [0, -1, 0.5, 1.0, "100", True, None, [], 2**53, 2**64, 10**400]
    )
    def test_of_an_amount_that_is_none_is_refused_and_nothing_changes(self, house, pair, amount):
        before = counts(house)
        answer = pair[0].transfer(pair[1].wallet, amount=amount)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert counts(house) == before

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"currency": "USD"}, 422, "currency_mismatch"),
            ({"currency": "XXX"}, 422, "currency_unknown"),
            ({"currency": "kes"}, 422, "request_invalid"),
            ({"balance": 1}, 422, "request_invalid"),
            ({"from_": "x"}, 422, "request_invalid"),
            ({"note": "x" * 141}, 422, "request_invalid"),
            ({"note": "two\nlines"}, 422, "note_malformed"),
            ({"to": "wal_" + "0" * 26}, 404, "wallet_not_found"),
            ({"to": "nobody_at_all"}, 404, "recipient_unknown"),
            ({"to": "nobody@example.org"}, 404, "recipient_unknown"),
            ({"to": "clearing/stripe"}, 404, "recipient_unknown"),
            ({"from": "wal_" + "0" * 26}, 404, "wallet_not_found"),
            ({"from": "nonsense"}, 404, "id_malformed"),
            ({"amount": 2**53 - 1}, 409, "insufficient_funds"),
        ],
    )
    def test_is_refused_with_a_stable_code_and_nothing_changes(
        self, house, pair, change, status, code
    ):
        before = counts(house)
        answer = pair[0].transfer(**{"to": pair[1].wallet, **change})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert counts(house) == before

    def test_from_another_persons_wallet_looks_absent(self, house, pair):
        one, other = pair
        before = counts(house)
        stolen = one.transfer(one.wallet, **{"from": other.wallet})
        absent = one.transfer(one.wallet, **{"from": "wal_" + "0" * 26})
        assert (stolen.status_code, absent.status_code) == (404, 404)
        alike = [{**one.json(), "request_id": ""} for one in (stolen, absent)]
        assert alike[0] == alike[1]
        assert counts(house) == before

    def test_to_oneself_is_refused(self, pair):
        answer = pair[0].transfer(pair[0].wallet)
        assert (answer.status_code, answer.json()["code"]) == (422, "self_transfer")

    def test_from_a_frozen_wallet_is_refused(self, house, pair):
        one, other = pair
        freeze = (
            "UPDATE tallystick.account SET frozen = %s FROM tallystick.wallet"
            " WHERE available_id = account.id AND wallet.id = %s"
        )
        for frozen, status in ((True, 409), (False, 201)):
            with house.database.connect() as conn:
                conn.execute(freeze, (frozen, ids.read("wal", one.wallet)))
            assert one.transfer(other.wallet).status_code == status

    def test_without_cover_says_the_callers_own_balance(self, pair):
        one, other = pair
        answer = other.transfer(one.wallet, amount=10**9)
        assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")
        assert answer.json()["balance"] == {"amount": other.held, "currency": "KES"}

    def test_needs_a_key_a_person_and_the_csrf_token(self, house, pair):
        one, other = pair
        asked = {"from": one.wallet, "to": other.wallet, "amount": 1, "currency": "KES"}
        bare = one.post("/api/transfers", json=asked)
        assert (bare.status_code, bare.json()["code"]) == (400, "idempotency_key_malformed")
        with httpx.Client(base_url=house.url, cookies=one.cookies) as thief:
            forged = thief.post("/api/transfers", json=asked, headers={"Idempotency-Key": "k"})
        assert (forged.status_code, forged.json()["code"]) == (403, "csrf_failed")
        stranger = httpx.post(f"{house.url}/api/transfers", json=asked)
        assert stranger.status_code in {401, 403}


class TestKey:
    def test_gets_the_same_bytes_again(self, pair):
        one, other = pair
        before, key = one.held, secrets.token_hex(8)
        first, again = one.transfer(other.wallet, key=key), one.transfer(other.wallet, key=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert one.held == before - 100

    def test_gets_the_same_refusal_again_though_there_is_cover_now(self, house, pair):
        one, other = pair
        key, much = secrets.token_hex(8), other.held + 500
        first = other.transfer(one.wallet, key=key, amount=much)
        give(house, other, 1_000)
        again = other.transfer(one.wallet, key=key, amount=much)
        assert (first.status_code, again.status_code) == (409, 409)
        assert first.content == again.content
        assert again.headers["content-type"] == "application/problem+json"
        assert again.headers["idempotency-replayed"] == "true"

    def test_of_another_body_is_refused(self, pair):
        one, other = pair
        key = secrets.token_hex(8)
        one.transfer(other.wallet, key=key)
        answer = one.transfer(other.wallet, key=key, amount=101)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_sixty_four_times_at_once_has_one_effect(self, house, pair):
        one, other = pair
        before, key = one.held, secrets.token_hex(8)
        with ThreadPoolExecutor(64) as threads:
            answers = list(threads.map(lambda _: one.transfer(other.wallet, key=key), range(64)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        assert one.held == before - 100
        with house.database.connect() as conn:
            assert ledger.verify(conn) == []


class TestHeldAccount:
    def test_is_waited_for_told_at_the_deadline_and_done_once_with_the_same_key(self, house, pair):
        one, other = pair
        before, key = one.held, secrets.token_hex(8)
        lock = (
            "SELECT 1 FROM tallystick.account JOIN tallystick.wallet ON available_id = account.id"
            " WHERE wallet.id = %s FOR NO KEY UPDATE OF account"
        )
        with house.database.connect() as holder:
            holder.execute(lock, (ids.read("wal", one.wallet),))
            late = one.transfer(other.wallet, key=key)
            assert (late.status_code, late.json()["code"]) == (503, "account_busy")
            assert late.headers["retry-after"] == "1"
            holder.rollback()
        assert one.transfer(other.wallet, key=key).status_code == 201
        assert one.held == before - 100


class TestKilledServer:
    def test_loses_and_doubles_nothing_of_what_was_sent_again_with_its_key(self, house, pair):
        one, other = pair
        give(house, one, 100_000)
        before = (one.held, other.held)
        ending = threading.Event()

        def kill() -> int:
            kills = 0
            # Fewer than would make the server end for dying too often.
            while kills < 4 and not ending.wait(0.5 + kills):
                house.kill_a_server_process()
                kills += 1
            return kills

        def pay(number: int) -> str:
            """Send one intent until its end is definite, each time with the same key."""
            key, until = f"killed-{number}-{one.wallet}", time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    answer = one.transfer(other.wallet, key=key)
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 201:
                    return str(answer.json()["id"])
                assert answer.status_code in {409, 503}, answer.text
                time.sleep(0.05)
            raise AssertionError("it never ended")

        with ThreadPoolExecutor(17) as threads:
            killer = threads.submit(kill)
            done = list(threads.map(pay, range(300)))
            ending.set()
            assert killer.result() >= 1
        assert len(set(done)) == 300
        assert (before[0] - one.held, other.held - before[1]) == (30_000, 30_000)
        with house.database.connect() as conn:
            assert ledger.verify(conn) == []


class TestMetrics:
    def test_tell_of_the_writers_deeds(self, house, pair):
        one, other = pair

        def told(outcome: str) -> int:
            name = f'tallystick_writer_deeds_total{{outcome="{outcome}"}} '
            lines = httpx.get(house.metrics_url).text.splitlines()
            [line] = [line for line in lines if line.startswith(name)]
            return int(float(line.removeprefix(name)))

        kinds = ("posted", "refused", "replayed")
        before, key = [told(kind) for kind in kinds], secrets.token_hex(8)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: one.transfer(other.wallet, key=key), range(8)))
        one.transfer(other.wallet, amount=10**12)
        after = [told(kind) for kind in kinds]
        assert [after[0] - before[0], after[1] - before[1]] == [1, 1]
        assert after[2] - before[2] <= 7


class TestWallet:
    def test_is_opened_once_an_owner_and_currency(self, pair):
        one, _ = pair
        first = one.post("/api/wallets", json={"currency": "USD"})
        again = one.post("/api/wallets", json={"currency": "USD"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        listed = {wallet["currency"] for wallet in one.get("/api/wallets").json()["items"]}
        assert listed == {"KES", "USD"}

    def test_of_a_projects_is_opened_by_a_key_that_reaches_it(self, house):
        token = house.tallystick(
            *("keys", "create", "shop", "--every-owner", "--scope", "wallets:write")
        ).stdout.strip()
        bearer = {"Authorization": f"Bearer {token}"}
        owner = f"project:{secrets.token_hex(6)}"

        def ask(**body: object) -> httpx.Response:
            return httpx.post(f"{house.url}/api/wallets", json=body, headers=bearer)

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: ask(currency="KES", owner=owner), range(8)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert ask(currency="KES").json()["code"] == "owner_missing"
        assert ask(currency="XXX", owner=owner).json()["code"] == "currency_unknown"
        assert ask(currency="KES", owner=owner, balance=1).status_code == 422


class TestEntries:
    def test_come_in_pages_without_a_gap(self, pair):
        one, other = pair
        for _ in range(5):
            one.transfer(other.wallet)
        versions, cursor = [], None
        while True:
            query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
            page = one.get(f"/api/wallets/{one.wallet}/entries", params=query).json()
            assert len(page["items"]) <= 3
            versions += [entry["version"] for entry in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert versions == list(range(len(versions), 0, -1))

    def test_run_with_the_balance(self, pair):
        one, _ = pair
        page = one.get(f"/api/wallets/{one.wallet}/entries").json()
        entries = page["items"]
        assert entries[0]["balance"] == one.held
        for newer, older in pairwise(entries):
            assert newer["balance"] - newer["amount"] == older["balance"]

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("limit=0", 422, "request_invalid"),
            ("limit=201", 422, "request_invalid"),
            ("limit=many", 422, "request_invalid"),
            ("offset=3", 422, "request_invalid"),
            ("cursor=zzz", 422, "cursor_malformed"),
            ("cursor=", 422, "request_invalid"),
            ("cursor=%C3%A9", 422, "cursor_malformed"),
            ("limit=1&limit=2", 422, "request_invalid"),
        ],
    )
    def test_take_a_strict_query(self, pair, query, status, code):
        one, _ = pair
        answer = one.get(f"/api/wallets/{one.wallet}/entries?{query}")
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    def test_of_another_persons_wallet_look_absent(self, pair):
        one, other = pair
        answer = one.get(f"/api/wallets/{other.wallet}/entries")
        assert (answer.status_code, answer.json()["code"]) == (404, "wallet_not_found")


class TestPages:
    def test_link_to_what_the_api_says(self, pair):
        one, other = pair
        done = one.transfer(other.wallet).json()
        for member in pair:
            page = member.get(f"/transfers/{done['id']}")
            assert page.status_code == 200
            assert json.dumps(member.wallet)[1:-1] in page.text
