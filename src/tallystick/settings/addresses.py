"""Addresses: what a URL of ours must look like, for databases, Redis, HTTP and SMTP.

Pure functions that return the text or raise WrongValueError. They connect to nothing. No
error of theirs, nor one behind it, holds the address: there may be a password in it.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

__all__ = [
    "WrongValueError",
    "check_database",
    "check_host",
    "check_http",
    "check_http_origin",
    "check_redis",
    "check_smtp",
    "database_parts",
]

_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_PORT_MAX: Final = 65_535
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SMTP_TLS: Final = ("starttls", "on", "off")


class WrongValueError(ValueError):
    """A value that cannot stand: `what` completes a sentence, `remedy` says what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        """Keep both halves apart."""
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}. {remedy}")


def database_parts(url: str) -> dict[str, str]:
    """Return what libpq reads from the URL (host, port, dbname, sslmode …); {} if it cannot."""
    try:
        parts = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        return {}
    return {name: str(value) for name, value in parts.items() if value is not None}


def check_database(url: str) -> str:
    """Return a PostgreSQL URL; raise WrongValueError if it is none or names no database."""
    form = "Write it as postgresql://user:password@host:5432/database?sslmode=verify-full."
    if not url.startswith("postgresql://"):
        raise WrongValueError("does not begin with postgresql://", form)
    parts = database_parts(url)
    if not parts:
        raise WrongValueError(
            "is not an address that PostgreSQL's client library can read",
            f"{form} In a password, @ : / ? # % are written as %40 %3A %2F %3F %23 %25.",
        )
    if not parts.get("dbname"):
        raise WrongValueError(
            "names no database", f"{form} The database stands after the last slash."
        )
    if parts.get("sslmode", "prefer") not in _SSL_MODES:
        raise WrongValueError(
            "has an sslmode that does not exist", f"Use one of: {', '.join(_SSL_MODES)}."
        )
    if not all(_is_port(port) for port in parts.get("port", "5432").split(",")):
        raise WrongValueError("has a port outside 1 to 65535", form)
    return url


def check_redis(url: str) -> str:
    """Return the URL of a Redis or Valkey server; raise WrongValueError if it is none."""
    form = "Write it as rediss://user:password@host:6379/0 (redis:// without TLS)."
    parts = _split(url, ("redis", "rediss"), form)
    if not re.fullmatch(r"/?[0-9]{0,5}", parts.path):
        raise WrongValueError("has something other than a database number after the slash", form)
    return url


def check_http(url: str) -> str:
    """Return the http or https URL, without credentials; raise WrongValueError if it is none."""
    form = "Write it as https://host/path."
    parts = _split(url, ("http", "https"), form)
    if parts.username is not None or parts.password is not None:
        raise WrongValueError("holds a user or a password", "Take the part before the @ out.")
    if parts.fragment:
        raise WrongValueError("has a part after #", "Take it out.")
    return url


def check_http_origin(url: str) -> str:
    """Return scheme, host and port without a last slash; raise WrongValueError for more."""
    parts = urlsplit(check_http(url))
    if parts.path not in {"", "/"} or parts.query or url.endswith("?"):
        raise WrongValueError(
            "has a path or a query",
            "Write scheme, host and, if need be, port alone: https://wallets.example.org.",
        )
    return url.removesuffix("/")


def check_smtp(url: str) -> str:
    """Return a mail server's URL; raise WrongValueError if it is none or its TLS is unknown."""
    form = (
        "Write it as smtp://user:password@host:587?tls=starttls, "
        "or with port 465 and tls=on for TLS from the first byte."
    )
    parts = _split(url, ("smtp",), form)
    if parts.path not in {"", "/"}:
        raise WrongValueError("has a path", form)
    query = parse_qs(parts.query, keep_blank_values=True)
    if set(query) - {"tls"} or any(mode not in _SMTP_TLS for mode in query.get("tls", [])):
        raise WrongValueError("has something other than tls=starttls, on or off after the ?", form)
    return url


def check_host(host: str) -> str:
    """Return a host name or an IP address; raise WrongValueError if it cannot be one."""
    if not _HOST.fullmatch(host):
        raise WrongValueError(
            "is neither a host name nor an IP address",
            "Write one, without scheme and port: 127.0.0.1, or 0.0.0.0 for every interface.",
        )
    return host


def _split(url: str, schemes: tuple[str, ...], form: str) -> SplitResult:
    """Return the URL's parts after the checks that all of them share."""
    # urlsplit drops tabs and line ends without a word, so look for them first.
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        raise WrongValueError("has a space or a sign that cannot be printed in it", form)
    parts = _try_split(url)
    if parts is None:
        raise WrongValueError("is not an address that can be read", form)
    if parts.scheme not in schemes:
        raise WrongValueError(
            f"does not begin with {' or '.join(f'{name}://' for name in schemes)}", form
        )
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise WrongValueError("names no host", form)
    return parts


def _try_split(url: str) -> SplitResult | None:
    """Return the parts, or None where the host's brackets or the port make no sense."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _is_port(text: str) -> bool:
    # libpq lets an empty port in a list stand for its default.
    return not text or (text.isascii() and text.isdigit() and 1 <= int(text) <= _PORT_MAX)
