"""The one dictionary at the door, and the documents made from it."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import tallystick
from tallystick.errors import TallystickError
from tallystick.web.problems import STATUS, FieldError, code_of_status, encode, is_api, plain_page

#: Rooms whose errors a request can meet.
ROOMS = ("db", "ids", "ledger", "mail", "money", "payments", "wallets", "webhooks", "web")
#: Mistakes of ours, and what only commands and programs meet: 500, if ever a request does.
OURS = {
    "transaction_required",
    "connection_unsuitable",
    "clock_fixed",
    "test_clock_forbidden",
    "names_taken",
    # The lab says these in its own page.
    "lab_nothing_there",
    "lab_simulator_away",
    "lab_simulator_refused",
}


def _leaves(error: type[TallystickError]) -> Iterator[type[TallystickError]]:
    below = error.__subclasses__()
    if not below:
        yield error
    for child in below:
        yield from _leaves(child)


def _reachable() -> dict[str, str]:
    for room in ROOMS:
        package = importlib.import_module(f"tallystick.{room}")
        for module in pkgutil.iter_modules(getattr(package, "__path__", [])):
            if module.name == "errors" and room != "web":
                importlib.import_module(f"tallystick.{room}.errors")
    prefixes = tuple(f"{tallystick.__name__}.{room}" for room in ROOMS)
    return {
        leaf.code: leaf.__name__
        for leaf in _leaves(TallystickError)
        if leaf.__module__.startswith(prefixes)
    }


class TestStatus:
    def test_covers_every_error_that_a_request_can_meet(self) -> None:
        found = _reachable()
        assert "wallet_not_found" in found
        assert found.keys() - OURS <= STATUS.keys()

    def test_has_a_status_and_a_sentence_for_each(self) -> None:
        assert all(400 <= status < 600 for status, _ in STATUS.values())
        assert all(title and not title.endswith(".") for _, title in STATUS.values())

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 503])
    def test_names_a_code_for_every_bare_status(self, status: int) -> None:
        assert STATUS[code_of_status(status)][0] == status


class TestEncode:
    def test_makes_a_whole_document(self) -> None:
        errors = [FieldError("amount", "greater_than", "must be above 0")]
        status, body = encode(
            "request_invalid", instance="/api/x", request_id="id", detail="No.", errors=errors
        )
        assert status == 422
        assert json.loads(body) == {
            "type": "urn:tallystick:error:request_invalid",
            "title": STATUS["request_invalid"][1],
            "status": 422,
            "detail": "No.",
            "instance": "/api/x",
            "code": "request_invalid",
            "request_id": "id",
            "errors": [{"field": "amount", "code": "greater_than", "message": "must be above 0"}],
        }

    def test_tells_nothing_of_a_fault_of_ours(self) -> None:
        detail = "SELECT secret FROM table"
        for code in ("internal_error", "a_code_that_nobody_knows"):
            status, body = encode(code, instance="/api", request_id="id", detail=detail)
            assert status == 500
            assert json.loads(body)["code"] == "internal_error"
            assert b"SELECT" not in body


class TestPlainPage:
    def test_escapes_what_it_shows(self) -> None:
        assert b"<script>" not in plain_page(400, "<script>", request_id="<script>")


class TestIsApi:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("/api", True), ("/api/x", True), ("/apiary", False), ("/", False), ("/API/x", False)],
    )
    def test_knows_programs_from_people(self, path: str, *, expected: bool) -> None:
        assert is_api(path) is expected
