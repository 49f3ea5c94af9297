"""API keys over real HTTP: who gets in, for what, for whom, and what is left behind."""

from __future__ import annotations

import json
import secrets

import httpx
import psycopg
import pytest

from factories.keys import issued
from factories.wallets import wallet
from tallystick import db, ids, keys
from tallystick.keys import Environment, Issued, Scope

READ, PAY, SEE = Scope.WALLETS_READ, Scope.PAYMENTS_WRITE, Scope.PAYMENTS_READ
#: What differs from one answer to the next, whoever asks.
_OF_THE_REQUEST = {"x-request-id", "date", "content-length"}
_RELATIONS = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('tallystick', 'public')"""


@pytest.fixture(scope="module")
def issue(house):
    """Issue a key in the house's database, as a command does."""

    def one(*scopes: Scope, **change: object) -> Issued:
        with house.database.connect() as conn:
            return issued(conn, *scopes, now=db.now(conn), **change)

    return one


@pytest.fixture(scope="module")
def shop(house):
    """An owner that is no person, with a wallet."""
    with house.database.connect() as conn:
        return wallet(conn, minor=70, owner=f"shop:{secrets.token_hex(6)}")


def call(house, key, path="/api/wallets", *, method="GET", **options) -> httpx.Response:
    """Call the API with a key: as issued, or a text for the whole header."""
    sent = options.pop("headers", {})
    if key is not None:
        text = f"Bearer {key.text}" if isinstance(key, Issued) else key
        sent = {**sent, "Authorization": text.encode()}
    return httpx.request(method, f"{house.url}{path}", headers=sent, timeout=20, **options)


def pay(house, key, wallet_id, *, idempotency_key="k", **change) -> httpx.Response:
    """Ask for a payment with a key."""
    asked = {"wallet": ids.show("wal", wallet_id), "amount": 150_000, "currency": "KES", **change}
    headers = {"Idempotency-Key": idempotency_key}
    return call(house, key, "/api/payments", method="POST", json=asked, headers=headers)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def what_is_told(answer: httpx.Response) -> tuple[object, ...]:
    """Everything of an answer but what names this one request."""
    headers = {name: text for name, text in answer.headers.items() if name not in _OF_THE_REQUEST}
    return answer.status_code, headers, {**answer.json(), "request_id": ""}


class TestKey:
    def test_that_is_valid_sees_its_owner_s_wallets(self, house, issue, shop):
        answer = call(house, issue(READ, owner=shop.owner))
        assert answer.status_code == 200, answer.text
        [seen] = answer.json()["items"]
        assert (seen["id"], seen["available"]["amount"]) == (ids.show("wal", shop.id), 70)
        assert "set-cookie" not in answer.headers

    def test_needs_the_scheme_in_any_case(self, house, issue, shop):
        key = issue(READ, owner=shop.owner)
        assert call(house, f"bEARER {key.text}").status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_that_opens_nothing_is_refused_in_the_same_words(self, house, issue, method):
        valid, revoked = issue(PAY, SEE), issue(PAY, SEE)
        with house.database.connect() as conn:
            keys.revoke(conn, key_id=revoked.key.id, now=db.now(conn))
        live = issue(PAY, SEE, environment=Environment.LIVE).text
        texts = [
            "",
            "Bearer",
            "Bearer garbage",
            "Bearer é",
            f"Bearer {revoked.text}",
            f"Bearer {live}",
            f"Bearer {live.replace('live', 'test')}",
            f"Bearer {valid.text.lower()}",
            f"Bearer {valid.key.prefix}",
            f"Bearer {valid.key.prefix}_",
            f"Bearer {valid.text[:-1]}",
            f"Bearer {valid.text}x",
            f"Bearer  {valid.text}",
            f"Bearer {valid.key.prefix}_{revoked.text[-32:]}",
            f"Basic {valid.text}",
            valid.text,
        ]
        missing = call(house, None, "/api/payments", method=method)
        assert code(missing) == (401, "unauthenticated")
        assert missing.headers["www-authenticate"].startswith("Bearer")
        for text in texts:
            answer = call(house, text, "/api/payments", method=method)
            assert what_is_told(answer) == what_is_told(missing), text

    def test_that_is_revoked_is_refused_with_the_next_request(self, house, issue):
        key = issue(READ, owner="shop:gone")
        for _ in range(8):  # every server process has seen it valid
            assert call(house, key).status_code == 200
        done = house.tallystick("keys", "revoke", ids.show("key", key.key.id))
        assert done.returncode == 0, done.stderr
        assert {code(call(house, key)) for _ in range(8)} == {(401, "unauthenticated")}

    def test_has_its_use_noted_also_where_it_was_refused(self, house, issue, shop):
        key, unfit = issue(PAY, owner=shop.owner), issue(SEE, owner=shop.owner)
        assert code(pay(house, key, ids.new())) == (404, "wallet_not_found")
        assert code(call(house, unfit)) == (403, "scope_missing")
        with house.database.connect() as conn:
            used = [keys.get(conn, key_id=one.key.id).last_used_at for one in (key, unfit)]
        assert None not in used

    @pytest.mark.parametrize("name", ["key", "api_key", "access_token", "owner"])
    def test_in_the_address_is_refused_even_beside_a_good_header(self, house, issue, name):
        key = issue(READ, owner="shop:query")
        query = f"/api/wallets?{name}={key.text.replace('_', '%5f')}"
        missing = call(house, None)
        for answer in (call(house, None, query), call(house, key, query)):
            assert what_is_told(answer) == what_is_told(missing)

    def test_beside_a_session_is_refused(self, house, person, issue):
        key = issue(READ, owner="shop:both")
        cookies = "; ".join(f"{one.name}={one.value}" for one in person.cookies.jar)
        for cookie in (cookies, "sessionid=garbage"):
            answer = call(house, key, headers={"Cookie": cookie})
            assert code(answer) == (400, "credentials_ambiguous")

    def test_twice_in_the_header_is_refused(self, house, issue):
        text = f"Bearer {issue(READ).text}"
        pairs = [("Authorization", text), ("Authorization", text)]
        answer = httpx.get(f"{house.url}/api/wallets", headers=pairs)
        assert code(answer) == (400, "request_malformed")

    def test_is_named_in_the_log_by_its_id_alone(self, house, issue):
        key = issue(READ, owner="shop:log")
        request_id = call(house, key).headers["x-request-id"]
        lines = (house.folder / "serve.log").read_text().splitlines()
        [line] = [json.loads(one) for one in lines if request_id in one]
        assert (line["event"], line["key_id"]) == ("request", ids.show("key", key.key.id))


class TestScope:
    def test_that_is_missing_is_refused_before_the_body_is_judged(self, house, issue):
        key = issue(SEE)
        answer = call(house, key, "/api/payments", method="POST", json={"nonsense": 1})
        assert code(answer) == (403, "scope_missing")
        assert "payments:write" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("path", "needed"),
        [
            ("/api/wallets", READ),
            ("/api/wallets/wal_" + "0" * 26, READ),
            ("/api/payments", SEE),
            ("/api/payments/pay_" + "0" * 26, SEE),
        ],
    )
    def test_of_another_kind_opens_nothing(self, house, issue, path, needed):
        others = issue(*set(Scope) - {needed}, owner="shop:scopes")
        assert code(call(house, others, path)) == (403, "scope_missing")
        assert call(house, issue(needed, owner="shop:scopes"), path).status_code in {200, 404}

    def test_stands_at_every_operation(self, house):
        paths = httpx.get(f"{house.url}/api/openapi.json").json()["paths"]
        security = [
            (path, {name for way in operation["security"] for name in way})
            for path, operations in paths.items()
            for operation in operations.values()
        ]
        assert security
        for path, ways in security:
            # Only people answer reviews.
            people = {"PersonSession"}
            is_for_people = path.startswith("/api/reviews")
            assert ways == (people if is_for_people else people | {"KeyBearer"}), path


class TestReach:
    def test_of_one_owner_sees_others_as_absent(self, house, issue, shop):
        stranger = issue(READ, SEE, PAY, owner="shop:stranger")
        absent, theirs = "wal_" + "0" * 26, ids.show("wal", shop.id)
        refusals = [call(house, stranger, f"/api/wallets/{one}") for one in (absent, theirs)]
        told = [
            {**answer.json(), "request_id": "", "instance": "", "status": answer.status_code}
            for answer in refusals
        ]
        assert told[0] == told[1]
        assert code(refusals[0]) == (404, "wallet_not_found")
        assert code(pay(house, stranger, shop.id)) == (404, "wallet_not_found")
        named = call(house, stranger, f"/api/wallets?owner={shop.owner}")
        assert code(named) == (404, "owner_not_found")
        assert code(pay(house, stranger, shop.id, owner=shop.owner)) == (404, "owner_not_found")
        assert call(house, stranger).json()["items"] == []

    def test_of_one_owner_may_name_that_owner(self, house, issue, shop):
        key = issue(READ, owner=shop.owner)
        assert len(call(house, key, f"/api/wallets?owner={shop.owner}").json()["items"]) == 1

    def test_of_every_owner_must_name_one(self, house, issue, shop):
        key = issue(READ, PAY, SEE)
        one = f"/api/wallets/{ids.show('wal', shop.id)}"
        for path in ("/api/wallets", "/api/payments", one):
            answer = call(house, key, path)
            assert code(answer) == (422, "owner_missing")
            assert [error["field"] for error in answer.json()["errors"]] == ["owner"]
        assert code(pay(house, key, shop.id)) == (422, "owner_missing")
        assert call(house, key, f"{one}?owner={shop.owner}").status_code == 200
        assert code(call(house, key, f"{one}?owner=shop:other")) == (404, "wallet_not_found")

    @pytest.mark.parametrize("owner", [1, True, [], {}, "", "x" * 201])
    def test_is_not_widened_by_an_owner_that_is_none(self, house, issue, shop, owner):
        answer = pay(house, issue(PAY), shop.id, owner=owner)
        assert code(answer) == (422, "request_invalid")
        assert [error["field"] for error in answer.json()["errors"]] == ["owner"]

    def test_that_is_named_twice_is_refused(self, house, issue, shop):
        answer = call(house, issue(READ), f"/api/wallets?owner={shop.owner}&owner=shop:other")
        assert code(answer) == (422, "request_invalid")

    def test_of_a_person_is_that_person(self, house, person, shop):
        assert code(person.get(f"/api/wallets?owner={shop.owner}")) == (404, "owner_not_found")
        [mine] = person.get("/api/wallets").json()["items"]
        assert mine["id"] == person.wallet


class TestPayment:
    def test_of_a_key_needs_no_csrf_token_and_is_made_once(self, house, issue, shop):
        key = issue(PAY, SEE, owner=shop.owner)
        first, again = pay(house, key, shop.id), pay(house, key, shop.id)
        assert (first.status_code, again.json()["id"]) == (201, first.json()["id"]), first.text
        assert call(house, key, f"/api/payments/{first.json()['id']}").status_code == 200
        caller = house.database.scalar(
            "SELECT caller FROM tallystick.payment WHERE id = %s",
            ids.read("pay", first.json()["id"]),
        )
        assert caller == f"key:{key.key.id}"

    def test_of_another_key_is_another_payment(self, house, issue, shop):
        made = {
            pay(house, issue(PAY, owner=shop.owner), shop.id).json()["id"],
            pay(house, issue(PAY), shop.id, owner=shop.owner).json()["id"],
        }
        assert len(made) == 2

    def test_for_another_owner_under_the_same_key_is_refused(self, house, issue, shop):
        with house.database.connect() as conn:
            other = wallet(conn, owner=f"shop:{secrets.token_hex(6)}")
        key = issue(PAY)
        assert pay(house, key, shop.id, owner=shop.owner).status_code == 201
        reused = pay(house, key, other.id, owner=other.owner)
        assert code(reused) == (422, "idempotency_key_reused")


class TestSecret:
    def test_is_left_nowhere(self, house, issue, shop):
        made = house.tallystick(
            "keys", "create", "canary", "--every-owner", "--scope", "wallets:read"
        )
        text = made.stdout.strip()
        key, secret = f"Bearer {text}", text.rpartition("_")[2]
        assert call(house, key, f"/api/wallets?owner={shop.owner}").status_code == 200
        call(house, key.lower())
        call(house, key, f"/api/wallets?key={text}")
        call(house, key, f"/api/{text}")
        call(house, key, f"/{text}")
        call(house, key, "/api/wallets", headers={"Cookie": f"sessionid={text}"})
        call(house, key, "/api/payments", method="POST", content=text.encode())
        listed = (
            house.tallystick("keys", "list").stdout
            + house.tallystick("keys", "list", "--json").stdout
        )
        logs = {log.name: log.read_text() for log in house.folder.glob("*.log")}
        assert "/api/wallets" in logs["serve.log"]
        for place, kept in {"list": listed, **logs, **dump(house)}.items():
            assert secret not in kept, place
            assert secret.lower() not in kept, place
            assert secret.encode().hex() not in kept, place


def dump(house) -> dict[str, str]:
    """Return all rows of all tables as texts, by table."""
    with psycopg.connect(house.database.owner_url) as conn:
        names = [name for (name,) in conn.execute(_RELATIONS).fetchall()]
        assert "tallystick.api_key" in names
        return {
            name: "\n".join(
                row for (row,) in conn.execute(f"SELECT t::text FROM {name} t").fetchall()
            )
            for name in names
        }


class TestCommands:
    def test_print_the_key_alone_and_only_once(self, house, person):
        words = ("--person", person.email, "--scope", "wallets:read", "--days", "30")
        made = house.tallystick("keys", "create", "my script", *words)
        assert made.returncode == 0, made.stderr
        [text] = made.stdout.splitlines()
        assert text not in made.stderr
        [seen] = call(house, f"Bearer {text}").json()["items"]
        assert seen["id"] == person.wallet
        listed = json.loads(house.tallystick("keys", "list", "--json").stdout)
        [mine] = [one for one in listed if one["name"] == "my script"]
        assert text.startswith(mine["prefix"] + "_")
        assert (mine["scopes"], mine["revoked_at"]) == (["wallets:read"], None)
        assert mine["last_used_at"] is not None
        assert "my script" in house.tallystick("keys", "list", "--owner", mine["owner"]).stdout

    def test_revoke_says_what_it_did(self, house, issue):
        shown = ids.show("key", issue(READ).key.id)
        assert house.tallystick("keys", "revoke", shown).stdout == f"{shown} (shop) is revoked.\n"
        again = house.tallystick("keys", "revoke", shown)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.startswith("The key is revoked already, since ")

    @pytest.mark.parametrize(
        ("words", "status", "said"),
        [
            (("create", "x", "--every-owner"), 2, "--scope"),
            (("create", "x", "--scope", "wallets:read"), 2, "--every-owner"),
            (("create", "x", "--scope", "everything", "--every-owner"), 2, "everything"),
            (("create", " ", "--scope", "wallets:read", "--owner", "a"), 1, "name of 1 to 100"),
            (("create", "x", "--scope", "wallets:read", "--person", "no@one.org"), 1, "Nobody"),
            (("create", "x", "--scope", "wallets:read", "--owner", "a", "--person", "b"), 2, "one"),
            (("revoke", "key_" + "0" * 26), 1, "There is no such key."),
            (("revoke", "nonsense"), 1, "no id of the form key_"),
        ],
    )  # fmt: skip
    def test_refuse_in_a_sentence_and_issue_nothing(self, house, words, status, said):
        before = house.database.scalar("SELECT count(*) FROM tallystick.api_key")
        done = house.tallystick("keys", *words)
        assert (done.returncode, done.stdout) == (status, "")
        assert said in " ".join(done.stderr.split())
        assert house.database.scalar("SELECT count(*) FROM tallystick.api_key") == before
