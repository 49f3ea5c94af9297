"""What the server believes of a client, and the doors that need no Django thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest


def _echo(server: Any, *fields: str) -> dict[str, Any]:
    with server.client() as client:
        headers = [tuple(field.split(": ", 1)) for field in fields]
        found: dict[str, Any] = client.get("/api/test/echo", headers=headers).json()
        return found


class TestHeaders:
    def test_with_an_underscore_are_dropped(self, shared_server: Any) -> None:
        found = _echo(shared_server, "X_Forwarded_For: 6.6.6.6", "X_Own: twin", "X-Own: true")
        assert found["headers"]["HTTP_X_OWN"] == "true"
        assert "6.6.6.6" not in str(found)

    @pytest.mark.parametrize(
        "field",
        [
            "X-Forwarded-For: 6.6.6.6",
            "X-Real-IP: 6.6.6.6",
            "Forwarded: for=6.6.6.6",
            "X-Forwarded-Host: 6.6.6.6",
            "X-Forwarded-Proto: https",
        ],
    )
    def test_of_proxies_are_not_believed(self, shared_server: Any, field: str) -> None:
        found = _echo(shared_server, field)
        assert found["client"] == "127.0.0.1"
        assert found["scheme"] == "http"
        assert field.split(": ")[1] not in str(found["headers"])

    def test_of_so_many_trusted_proxies_are_believed(
        self, start_server: Callable[..., Any]
    ) -> None:
        server = start_server(trusted_proxies=2)
        assert _echo(server, "X-Forwarded-For: 6.6.6.6, 7.7.7.7, 8.8.8.8")["client"] == "7.7.7.7"
        assert _echo(server, "X-Forwarded-For: 6.6.6.6")["client"] == "127.0.0.1"
        assert _echo(server, "X-Forwarded-For: evil, 8.8.8.8")["client"] == "127.0.0.1"

    @pytest.mark.parametrize("twin", ["Host: evil.example", "Authorization: Bearer two"])
    def test_that_decide_stand_once(self, shared_server: Any, twin: str) -> None:
        reply = shared_server.talk(
            b"GET /api/test/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer one\r\n"
            + f"{twin}\r\nConnection: close\r\n\r\n".encode()
        )
        assert reply.startswith(b"HTTP/1.1 400")


class TestHealth:
    def test_is_answered_while_every_thread_is_taken(self, shared_server: Any) -> None:
        def take() -> None:
            with shared_server.client() as client:
                client.get("/test/slow")

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        mark = time.monotonic()
        with shared_server.client() as client:
            assert client.get("/api/health").json()["status"] == "ok"
        took = time.monotonic() - mark
        for thread in threads:
            thread.join()
        assert took < 0.5

    def test_ready_says_what_is_missing(self, shared_server: Any) -> None:
        with shared_server.client() as client:
            reply = client.get("/api/health/ready")
        assert reply.status_code == 200
        found = reply.json()
        assert found["status"] == "degraded"
        assert {check["name"]: check["ok"] for check in found["checks"]}["database"] is True
        assert {check["name"]: check["ok"] for check in found["checks"]}["redis"] is False

    def test_refuses_to_be_written(self, shared_server: Any) -> None:
        with shared_server.client() as client:
            reply = client.post("/api/health/ready")
        assert reply.status_code == 405
        assert reply.headers["allow"] == "GET, HEAD"


class TestWebhook:
    def test_of_an_unknown_provider_is_not_found(self, shared_server: Any) -> None:
        with shared_server.client() as client:
            reply = client.post("/api/webhooks/nobody", content=b"{}")
        assert reply.status_code == 404
        assert reply.json()["code"] == "not_found"

    @pytest.mark.parametrize(
        "signature", [None, "", "t=1,v1=00", "t=1,v1=\u00e9", "t=1,t=2,v1=00", "v0=00"]
    )
    def test_forged_is_refused(self, shared_server: Any, signature: str | None) -> None:
        fields = {} if signature is None else {"Stripe-Signature": signature.encode("latin-1")}
        with shared_server.client() as client:
            reply = client.post("/api/webhooks/stripe", content=b'{"id": "evt_1"}', headers=fields)
        assert reply.status_code == 400
        assert reply.json()["code"] == "webhook_signature_invalid"

    def test_is_only_posted(self, shared_server: Any) -> None:
        with shared_server.client() as client:
            reply = client.get("/api/webhooks/stripe")
        assert reply.status_code == 405
        assert reply.headers["allow"] == "POST"
