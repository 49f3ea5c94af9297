"""The API's failures over real sockets: strict reading, named fields, the one dictionary."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}


def _ask(server: Any, method: str, path: str, **options: Any) -> tuple[httpx.Response, Any]:
    with server.client() as client:
        reply = client.request(method, f"/api/strict/{path}", **options)
    assert reply.headers["content-type"].startswith("application/"), reply.text
    return reply, reply.json()


class TestBody:
    def test_that_is_right_is_taken(self, shared_server: Any) -> None:
        reply, found = _ask(shared_server, "POST", "sum", json={"amount": 1500})
        assert (reply.status_code, found) == (200, {"amount": 1500})

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ('{"amount": 0}', "amount"),
            ('{"amount": -1}', "amount"),
            ('{"amount": 1.5}', "amount"),
            ('{"amount": 1e3}', "amount"),
            ('{"amount": "5"}', "amount"),
            ('{"amount": true}', "amount"),
            ('{"amount": null}', "amount"),
            ('{"amount": 9007199254740992}', "amount"),
            ('{"amount": ' + "9" * 4000 + "}", "amount"),
            ('{"amount": 1, "is_staff": true}', "is_staff"),
            ("{}", "amount"),
            ("[]", "body"),
            ("5", "body"),
            ("", "body"),
        ],
    )
    def test_that_is_not_valid_names_the_field(
        self, shared_server: Any, body: str, field: str
    ) -> None:
        reply, found = _ask(shared_server, "POST", "sum", content=body, headers=JSON)
        assert reply.status_code == 422, found
        assert found["code"] == "request_invalid"
        assert [error["field"] for error in found["errors"]] == [field]
        assert all(error["code"] and error["message"] for error in found["errors"])

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            '{"amount": NaN}',
            '{"amount": 1e400}',
            '{"amount": 1, "amount": 2}',
            '{"amount": 1, "note": "\\u0000"}',
            '{"amount": 1, "note": "\\ud800"}',
            "[" * 100_000,
            "{" + ",".join(f'"f{number}":1' for number in range(10_001)) + "}",
        ],
    )
    def test_that_is_no_strict_json_is_refused(self, shared_server: Any, body: str) -> None:
        reply, found = _ask(shared_server, "POST", "sum", content=body, headers=JSON)
        assert (reply.status_code, found["code"]) == (400, "json_malformed")

    @pytest.mark.parametrize(
        "kind",
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""],
    )
    def test_of_another_kind_is_refused(self, shared_server: Any, kind: str) -> None:
        headers = {"Content-Type": kind}
        reply, found = _ask(shared_server, "POST", "sum", content='{"amount": 1}', headers=headers)
        assert (reply.status_code, found["code"]) == (415, "media_type_unsupported")


class TestQuery:
    def test_that_is_not_valid_names_the_parameter(self, shared_server: Any) -> None:
        reply, found = _ask(shared_server, "GET", "list?limit=many")
        assert reply.status_code == 422
        assert [error["field"] for error in found["errors"]] == ["limit"]

    def test_that_stands_twice_is_refused(self, shared_server: Any) -> None:
        reply, found = _ask(shared_server, "GET", "list?limit=1&limit=2")
        assert (reply.status_code, found["code"]) == (422, "request_invalid")
        assert [error["field"] for error in found["errors"]] == ["limit"]


class TestRefusal:
    def test_of_a_room_keeps_its_code_and_sentence(self, shared_server: Any) -> None:
        reply, found = _ask(shared_server, "GET", "absent")
        assert (reply.status_code, found["code"]) == (404, "wallet_not_found")
        assert found["detail"].startswith("There is no such wallet")

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_of_nobody_asks_to_sign_in(self, shared_server: Any, method: str) -> None:
        reply, found = _ask(shared_server, method, "mine")
        assert (reply.status_code, found["code"]) == (401, "unauthenticated")
        assert reply.headers["www-authenticate"]

    @pytest.mark.parametrize("method", ["PUT", "OPTIONS", "PATCH"])
    def test_of_a_method_names_the_right_ones(self, shared_server: Any, method: str) -> None:
        reply, found = _ask(shared_server, method, "sum")
        assert (reply.status_code, found["code"]) == (405, "method_not_allowed")
        assert reply.headers["allow"] == "POST"

    @pytest.mark.parametrize("path", ["sum/", "/sum", "SUM", "%2e/sum", "nothing"])
    def test_of_an_address_beside_is_not_found(self, shared_server: Any, path: str) -> None:
        reply, found = _ask(shared_server, "POST", path, json={"amount": 1})
        assert (reply.status_code, found["code"]) == (404, "not_found")


class TestCrash:
    def test_keeps_its_insides(self, shared_server: Any) -> None:
        reply, found = _ask(shared_server, "GET", "broken")
        assert (reply.status_code, found["code"]) == (500, "internal_error")
        assert "insides" not in reply.text
        assert found["request_id"] in shared_server.lines()
