"""Production over real sockets: transport security, cookies, one host, no address of others."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

HOST = "wallets.example.org"
WAIVED = (
    "database_tls,redis_tls,simulated_provider,missing_smtp,fsync,full_page_writes,"
    "synchronous_commit"
)


@pytest.fixture
def server(start_server: Callable[..., Any]) -> Any:
    return start_server(
        env="production",
        secret_key=secrets.token_urlsafe(64),
        public_url=f"https://{HOST}",
        accept=WAIVED,
    )


class TestProduction:
    def test_is_strict(self, server: Any) -> None:
        with server.client(headers={"Host": HOST}) as client:
            page = client.get("/test/token")
            assert page.headers["strict-transport-security"].startswith("max-age=31536000")
            (cookie,) = page.headers.get_list("set-cookie")
            assert cookie.startswith("__Host-csrftoken=")
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
            assert client.get("/api/test/echo").json()["scheme"] == "https"
            assert client.get("/api/health/ready").json()["waived"] == WAIVED.split(",")
            assert "Traceback" not in client.get("/test/crash").text

    def test_serves_its_own_host_alone(self, server: Any) -> None:
        with server.client() as client:
            for host in ("127.0.0.1", "localhost", f"{HOST}.evil.example", f"evil-{HOST}"):
                assert client.get("/api/test/echo", headers={"Host": host}).status_code == 400
