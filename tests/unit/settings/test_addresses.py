"""Addresses: what is taken and what is refused, as tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.settings.addresses import (
    WrongValueError,
    check_database,
    check_host,
    check_http,
    check_http_origin,
    check_redis,
    check_smtp,
)

TAKEN = [
    (check_database, "postgresql://u:p@h:5432/db?sslmode=verify-full"),
    (check_database, "postgresql://u@h/db"),
    (check_database, "postgresql:///db?host=/run/postgresql"),
    (check_database, "postgresql://u:p%40ss@[::1]:5432/db"),
    (check_database, "postgresql://u@a:1,b:2/db"),
    (check_redis, "redis://127.0.0.1:6379/0"),
    (check_redis, "rediss://:p%2Fw@cache.example.org"),
    (check_http, "http://127.0.0.1:8123/api/webhooks/stripe"),
    (check_http_origin, "https://wallets.example.org"),
    (check_http_origin, "http://[::1]:8123"),
    (check_smtp, "smtp://u:p@mail.example.org:587?tls=starttls"),
    (check_smtp, "smtp://mail.example.org:465?tls=on"),
    (check_smtp, "smtp://127.0.0.1:1025?tls=off"),
    (check_host, "127.0.0.1"),
    (check_host, "::"),
    (check_host, "localhost"),
]
REFUSED = [
    (check_database, "postgres://u@h/db", "does not begin with postgresql://"),
    (check_database, "sqlite:///db", "does not begin with postgresql://"),
    (check_database, "host=h dbname=db", "does not begin with postgresql://"),
    (check_database, "postgresql://u@h:5432", "names no database"),
    (check_database, "postgresql://u@h:5432/", "names no database"),
    (check_database, "postgresql://u@h:99999/db", "port outside"),
    (check_database, "postgresql://u@h:0/db", "port outside"),
    (check_database, "postgresql://u@h/db?sslmod=require", "client library can read"),
    (check_database, "postgresql://u@h/db?sslmode=on", "sslmode that does not exist"),
    (check_database, "postgresql://u@[h/db", "client library can read"),
    (check_database, "postgresql://u:%zz@h/db", "client library can read"),
    (check_redis, "127.0.0.1:6379", "does not begin with redis:// or rediss://"),
    (check_redis, "http://h", "does not begin with redis:// or rediss://"),
    (check_redis, "redis://", "names no host"),
    (check_redis, "redis://h:70000/0", "cannot be read|can be read"),
    (check_redis, "redis://h/zero", "database number"),
    (check_http, "ftp://h/x", "does not begin with http:// or https://"),
    (check_http, "https://user:pw@h/x", "holds a user or a password"),
    (check_http, "https://h/x#y", "part after #"),
    (check_http, "https://h\t/x", "space"),
    (check_http_origin, "https://h/path", "has a path or a query"),
    (check_http_origin, "https://h?x=1", "has a path or a query"),
    (check_http_origin, "https://h?", "has a path or a query"),
    (check_http_origin, "wallets.example.org", "does not begin with"),
    (check_http_origin, "https://ex ample.org", "space"),
    (check_http_origin, "https://-", "names no host"),
    (check_http_origin, "https://h:0", "can be read"),
    (check_smtp, "mail.example.org", "does not begin with smtp://"),
    (check_smtp, "smtp://h/path", "has a path"),
    (check_smtp, "smtp://h?tls=maybe", "something other than tls=starttls"),
    (check_smtp, "smtp://h?starttls=1", "something other than tls=starttls"),
    (check_smtp, "smtps://h", "does not begin with smtp://"),
    (check_host, "http://h", "neither a host name nor an IP address"),
    (check_host, "a b", "neither a host name nor an IP address"),
]


class TestCheck:
    @pytest.mark.parametrize(("check", "url"), TAKEN)
    def test_returns_what_is_sound(self, check: Callable[[str], str], url: str) -> None:
        assert check(url) == url

    @pytest.mark.parametrize(("check", "url", "what"), REFUSED)
    def test_refuses_and_keeps_no_exception_behind(
        self, check: Callable[[str], str], url: str, what: str
    ) -> None:
        with pytest.raises(WrongValueError, match=what) as caught:
            check(url)
        assert caught.value.__context__ is None
        assert caught.value.remedy

    def test_takes_the_last_slash_from_an_origin(self) -> None:
        assert check_http_origin("https://h/") == "https://h"
