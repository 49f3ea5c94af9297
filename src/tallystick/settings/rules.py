"""Rules: what settings must be together, and what production refuses.

Pure decisions over a Settings object and over what the database reports of itself. Each
refusal is a named check; TALLYSTICK_ACCEPT waives one name at a time, never all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from tallystick.settings.addresses import database_parts
from tallystick.settings.errors import Problem
from tallystick.settings.model import DEVELOPMENT_SECRET_KEY, PREFIX, STRIPE_API_URL, Settings

__all__ = ["MEANINGS", "Check", "durability_problems", "problems", "refusals"]

_KEY_SIGNS_MIN: Final = 50
_KEY_BITS_MIN: Final = 160
_TLS_MODES: Final = {"require", "verify-ca", "verify-full"}


class Check(StrEnum):
    """The names of what production refuses, as they stand in TALLYSTICK_ACCEPT."""

    DEBUG = "debug"
    DEFAULT_KEY = "default_key"
    DATABASE_TLS = "database_tls"
    DEBUG_ENDPOINTS = "debug_endpoints"
    EMBEDDED_ENGINES = "embedded_engines"
    REDIS_TLS = "redis_tls"
    PLAIN_HTTP = "plain_http"
    SIMULATED_PROVIDER = "simulated_provider"
    MISSING_SMTP = "missing_smtp"
    SMTP_TLS = "smtp_tls"
    FSYNC = "fsync"
    FULL_PAGE_WRITES = "full_page_writes"
    SYNCHRONOUS_COMMIT = "synchronous_commit"


#: What each check refuses and why, for docs/ENVIRONMENT.md.
MEANINGS: Final[Mapping[Check, str]] = {
    Check.DEBUG: "Debug is on: errors show their insides to whoever causes them.",
    Check.DEFAULT_KEY: "The secret key is the public one, shorter than 50 signs, or guessable.",
    Check.DATABASE_TLS: "A database URL over the network has no sslmode of require or better "
    "(verify-full is right: it also checks whom you talk to).",
    Check.DEBUG_ENDPOINTS: "The development pages are served: they show every mail.",
    Check.EMBEDDED_ENGINES: "PostgreSQL and Valkey are the embedded ones, made for development.",
    Check.REDIS_TLS: "The cache is reached without TLS, or without looking at its certificate.",
    Check.PLAIN_HTTP: "The public address is not https: passwords and sessions travel in clear.",
    Check.SIMULATED_PROVIDER: "Stripe is not the real one, or its key is a test key: "
    "wallets would be filled with money that nobody paid.",
    Check.MISSING_SMTP: "There is no mail server, or the sender is still at localhost: "
    "nobody could verify an address or reset a password.",
    Check.SMTP_TLS: "Mails, with their links, go to the mail server in clear.",
    Check.FSYNC: "The database reports fsync off: a crash can destroy the books.",
    Check.FULL_PAGE_WRITES: "The database reports full_page_writes off: a crash can tear pages.",
    Check.SYNCHRONOUS_COMMIT: "The database reports synchronous_commit off: "
    "a crash can lose what was already answered as done.",
}


def problems(settings: Settings) -> tuple[Problem, ...]:
    """Return what is wrong with the settings together; production's unwaived refusals too."""
    found = [*_unknown_waivers(settings), *_together(settings)]
    if settings.is_production:
        found += [
            _waivable(check, problem)
            for check, problem in refusals(settings)
            if check not in settings.accept
        ]
    return tuple(found)


def refusals(settings: Settings) -> Iterator[tuple[Check, Problem]]:
    """Yield every check of production that these settings fail, waived or not."""
    yield from _refused_place(settings)
    yield from _refused_stores(settings)
    yield from _refused_provider(settings)
    yield from _refused_mail(settings)


def durability_problems(reported: Mapping[str, str], settings: Settings) -> tuple[Problem, ...]:
    """Return what makes this database unsafe for production, by its own report.

    `reported` holds fsync, full_page_writes and synchronous_commit as SHOW gives them. What
    is not reported counts as off. In development the answer is always empty.
    """
    if not settings.is_production:
        return ()
    return tuple(
        _waivable(
            check,
            _problem(
                "database_url",
                f"leads to a server that reports {check} as off",
                f"Set {check} = on in postgresql.conf (or for the role) and reload.",
            ),
        )
        for check in (Check.FSYNC, Check.FULL_PAGE_WRITES, Check.SYNCHRONOUS_COMMIT)
        if check not in settings.accept and reported.get(check, "off") == "off"
    )


def _problem(field: str, what: str, remedy: str) -> Problem:
    return Problem(PREFIX + field.upper(), what, remedy)


def _waivable(check: Check, problem: Problem) -> Problem:
    remedy = f"{problem.remedy} To run with this risk, name {check} in {PREFIX}ACCEPT."
    return Problem(problem.variable, problem.what, remedy)


def _unknown_waivers(settings: Settings) -> Iterator[Problem]:
    known = {check.value for check in Check}
    for place, name in enumerate(settings.accept, start=1):
        if name not in known:
            yield _problem(
                "accept",
                f"names a check that does not exist (name {place} of {len(settings.accept)})",
                f"The checks are: {', '.join(Check)}.",
            )


def _together(settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong in any environment."""
    if settings.stripe_secret_key and not settings.stripe_webhook_secret:
        yield _problem(
            "stripe_webhook_secret",
            "is not set although Stripe's key is",
            "Set both: without it no payment by card can be believed.",
        )
    if settings.stripe_webhook_secret and not settings.stripe_secret_key:
        yield _problem(
            "stripe_secret_key",
            "is not set although Stripe's webhook secret is",
            "Set both, or neither.",
        )
    if settings.port == settings.simulator_port and settings.bind_host == settings.simulator_host:
        yield _problem("simulator_port", "is the server's own port", "Give each its own port.")
    if settings.port == settings.metrics_port and settings.bind_host == settings.metrics_host:
        yield _problem("metrics_port", "is the server's own port", "Give each its own port.")
    if settings.metrics_port and settings.metrics_port == settings.worker_metrics_port:
        yield _problem(
            "worker_metrics_port", "is that of the server's metrics", "Give each its own port."
        )
    if settings.session_idle_s > settings.session_absolute_s:
        yield _problem(
            "session_idle_s",
            "is longer than the session's whole life",
            f"Give less than {PREFIX}SESSION_ABSOLUTE_S.",
        )


def _refused_place(settings: Settings) -> Iterator[tuple[Check, Problem]]:
    if settings.debug:
        yield Check.DEBUG, _problem("debug", "is on in production", "Set it to false.")
    if settings.dev_endpoints:
        yield (
            Check.DEBUG_ENDPOINTS,
            _problem("dev_endpoints", "is on in production", "Set it to false, or leave it out."),
        )
    if settings.embedded_engines:
        yield (
            Check.EMBEDDED_ENGINES,
            _problem(
                "embedded_engines",
                "says that the database and the cache are the embedded ones",
                "Run PostgreSQL and Redis or Valkey of your own, and leave this setting out.",
            ),
        )
    weakness = _key_weakness(settings.secret_key.get_secret_value())
    if weakness:
        make = 'python -c "import secrets; print(secrets.token_urlsafe(64))"'
        yield (
            Check.DEFAULT_KEY,
            _problem("secret_key", weakness, f"Make one of your own with: {make} ."),
        )
    if not settings.public_url.startswith("https://"):
        yield (
            Check.PLAIN_HTTP,
            _problem(
                "public_url", "does not begin with https://", "Give the address behind your TLS."
            ),
        )


def _refused_stores(settings: Settings) -> Iterator[tuple[Check, Problem]]:
    for field in ("database_url", "owner_database_url", "direct_database_url"):
        url: SecretStr | None = getattr(settings, field)
        if url and not _is_database_safe(url.get_secret_value()):
            yield (
                Check.DATABASE_TLS,
                _problem(
                    field,
                    "reaches the database without TLS that is sure to be used",
                    "Add sslmode=verify-full to its end (sslmode=require at the least).",
                ),
            )
    if not _is_redis_safe(settings.redis_url.get_secret_value()):
        yield (
            Check.REDIS_TLS,
            _problem(
                "redis_url",
                "reaches the cache without TLS, or without looking at its certificate",
                "Use rediss:// and leave ssl_cert_reqs and ssl_check_hostname out.",
            ),
        )


def _refused_provider(settings: Settings) -> Iterator[tuple[Check, Problem]]:
    if settings.stripe_api_url != STRIPE_API_URL:
        yield (
            Check.SIMULATED_PROVIDER,
            _problem("stripe_api_url", "is not Stripe's own", "Leave it out."),
        )
    key = settings.stripe_secret_key
    if key and not key.get_secret_value().startswith(("sk_live_", "rk_live_")):
        yield (
            Check.SIMULATED_PROVIDER,
            _problem(
                "stripe_secret_key",
                "is not a live key",
                "Use the key that begins with sk_live_ or rk_live_.",
            ),
        )


def _refused_mail(settings: Settings) -> Iterator[tuple[Check, Problem]]:
    if settings.smtp_url is None:
        yield (
            Check.MISSING_SMTP,
            _problem("smtp_url", "is not set", "Give the mail server that sends our mails."),
        )
    elif not _is_smtp_safe(settings.smtp_url.get_secret_value()):
        yield (
            Check.SMTP_TLS,
            _problem(
                "smtp_url", "asks for no TLS", "Write tls=starttls or tls=on in place of tls=off."
            ),
        )
    if settings.mail_from.rstrip("> ").endswith("@localhost"):
        yield (
            Check.MISSING_SMTP,
            _problem("mail_from", "is still at localhost", "Give an address of your own domain."),
        )


def _key_weakness(key: str) -> str:
    """Return what makes the key guessable, or an empty text."""
    if key == DEVELOPMENT_SECRET_KEY:
        return "is the public key of development"
    if len(key) < _KEY_SIGNS_MIN:
        return f"is shorter than {_KEY_SIGNS_MIN} signs"
    # A text that repeats itself is found again in its own double, before the second copy.
    if key in (key + key)[1:-1] or _bits(key) < _KEY_BITS_MIN:
        return "is long but guessable: it repeats too few signs"
    return ""


def _bits(text: str) -> float:
    """Return Shannon's measure of the text's signs, in bits: an upper bound of its strength."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -len(text) * sum(share * math.log2(share) for share in shares)


def _is_database_safe(url: str) -> bool:
    parts = database_parts(url)
    # A Unix socket has a path for a host (or no host at all) and leaves the machine never.
    hosts = [*parts.get("host", "").split(","), *parts.get("hostaddr", "").split(",")]
    if all(not host or host.startswith("/") for host in hosts):
        return True
    return parts.get("sslmode") in _TLS_MODES


def _is_redis_safe(url: str) -> bool:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    loosened = {"ssl_cert_reqs", "ssl_check_hostname"} & set(query)
    return parts.scheme == "rediss" and not loosened


def _is_smtp_safe(url: str) -> bool:
    # Left out, it is starttls.
    return parse_qs(urlsplit(url).query).get("tls", ["starttls"])[-1] != "off"
