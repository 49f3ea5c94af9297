"""What a failure looks like from outside, from every layer: programs get problem documents."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def _ask(server: Any, method: str, path: str, **options: Any) -> httpx.Response:
    with server.client() as client:
        reply: httpx.Response = client.request(method, path, **options)
        return reply


def _is_problem(reply: httpx.Response, status: int, code: str) -> None:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    found = reply.json()
    assert set(found) == MEMBERS
    assert (found["status"], found["code"]) == (status, code)
    assert found["request_id"] == reply.headers["x-request-id"]
    assert "Traceback" not in reply.text
    assert "SELECT" not in reply.text


class TestUnderTheApi:
    def test_a_foreign_host_is_a_problem(self, shared_server: Any) -> None:
        reply = _ask(shared_server, "GET", "/api/test/echo", headers={"Host": "evil.example"})
        _is_problem(reply, 400, "request_malformed")

    def test_an_absent_path_is_a_problem(self, shared_server: Any) -> None:
        _is_problem(_ask(shared_server, "GET", "/api/nothing"), 404, "not_found")

    def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
        self, shared_server: Any
    ) -> None:
        reply = _ask(shared_server, "DELETE", "/api/test/slow")
        _is_problem(reply, 405, "method_not_allowed")
        assert reply.headers["allow"] == "GET"

    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get"])
    def test_an_unknown_method_is_a_problem(self, shared_server: Any, method: str) -> None:
        request = (
            f"{method} /api/test/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        reply = shared_server.talk(request.encode())
        assert reply.startswith(b"HTTP/1.1 405")
        assert b'"method_not_allowed"' in reply

    def test_a_missing_csrf_token_is_a_problem(self, shared_server: Any) -> None:
        _is_problem(_ask(shared_server, "POST", "/api/test/guarded"), 403, "csrf_failed")

    def test_a_crash_is_a_problem_without_its_insides(self, shared_server: Any) -> None:
        reply = _ask(shared_server, "GET", "/api/test/crash")
        _is_problem(reply, 500, "internal_error")
        assert "a_table_that_is_not_there" not in reply.text
        assert reply.json()["request_id"] in shared_server.lines()

    def test_a_header_too_many_is_a_problem(self, shared_server: Any) -> None:
        headers = {f"X-Field-{number}": "x" for number in range(90)}
        reply = _ask(shared_server, "GET", "/api/test/echo", headers=headers)
        _is_problem(reply, 431, "headers_too_large")

    def test_nul_in_an_address_is_a_problem(self, shared_server: Any) -> None:
        for path in ("/api/test/echo%00", "/api/test/echo?a=%00"):
            _is_problem(_ask(shared_server, "GET", path), 400, "request_malformed")

    def test_a_path_that_is_no_utf8_is_no_crash(self, shared_server: Any) -> None:
        assert _ask(shared_server, "GET", "/api/%ff%fe").status_code in {400, 404}


class TestForBrowsers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nothing", 404),
            ("POST", "/test/guarded", 403),
            ("DELETE", "/test/slow", 405),
            ("GET", "/test/crash", 500),
            ("TRACE", "/test/echo", 405),
        ],
    )
    def test_a_failure_is_a_page(
        self, shared_server: Any, method: str, path: str, status: int
    ) -> None:
        reply = _ask(shared_server, method, path)
        assert reply.status_code == status
        assert reply.headers["content-type"].startswith("text/html")
        assert "<h1" in reply.text
        assert "a_table_that_is_not_there" not in reply.text

    def test_a_foreign_host_is_a_page(self, shared_server: Any) -> None:
        reply = _ask(shared_server, "GET", "/test/echo", headers={"Host": "evil.example"})
        assert reply.status_code == 400
        assert "evil.example" not in reply.text


class TestEveryReply:
    @pytest.mark.parametrize("path", ["/api/test/echo", "/test/echo", "/nothing", "/api/health"])
    def test_carries_the_protecting_headers(self, shared_server: Any, path: str) -> None:
        headers = _ask(shared_server, "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "granian" not in headers.get("server", "")
        assert "access-control-allow-origin" not in headers

    def test_of_django_carries_the_strict_policy(self, shared_server: Any) -> None:
        policy = _ask(shared_server, "GET", "/test/echo").headers["content-security-policy"]
        assert {part.strip() for part in policy.split(";")} == {
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        }

    def test_has_an_id_of_our_own(self, shared_server: Any) -> None:
        headers = {"X-Request-Id": "forged"}
        first = _ask(shared_server, "GET", "/api/test/echo", headers=headers)
        second = _ask(shared_server, "GET", "/api/test/echo", headers=headers)
        ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
        assert len(ids) == 2
        assert "forged" not in ids
        assert "forged" not in first.text

    def test_leaves_no_key_of_a_letter_in_the_log(self, shared_server: Any) -> None:
        keys = ["2c-d3aaaa-0123456789abcdef0123", "MjA:1wXyzQ:veryveryverysecretkey"]
        paths = [f"/new-password/{keys[0]}", f"/verify-email/{keys[1]}"]
        # Refused twice over: by a view's method, which the standard library's loggers tell too.
        replies = [
            _ask(shared_server, method, prefix + path)
            for method in ("GET", "DELETE")
            for prefix in ("", "/test/keys")
            for path in paths
        ]
        lines = shared_server.lines()
        assert not [key for key in keys if key in lines]
        assert all(reply.headers["x-request-id"] in lines for reply in replies)
        assert '"path": "/new-password/[redacted]"' in lines
        assert '"path": "/verify-email/[redacted]"' in lines

    def test_leaves_one_line_without_the_query(self, shared_server: Any) -> None:
        reply = _ask(shared_server, "GET", "/api/test/echo?token=very-secret-token")
        lines = [line for line in shared_server.lines().splitlines() if line.startswith("{")]
        own = [json.loads(line) for line in lines if reply.headers["x-request-id"] in line]
        assert [line["event"] for line in own] == ["request"]
        assert own[0]["path"] == "/api/test/echo"
        assert own[0]["status"] == 200
        assert "very-secret-token" not in shared_server.lines()
