"""Kinds of settings: the note that documents a field, and the types that check one.

A type here checks one value alone. What depends on two settings or on the environment's
kind stands in rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from tallystick.money import Currency, MoneyError
from tallystick.settings.addresses import (
    WrongValueError,
    check_database,
    check_host,
    check_http,
    check_http_origin,
    check_redis,
    check_smtp,
)

__all__ = [
    "Count",
    "CurrencyCode",
    "DatabaseUrl",
    "Host",
    "HttpOrigin",
    "HttpUrl",
    "LogLevel",
    "Mailbox",
    "Names",
    "Note",
    "Port",
    "RedisUrl",
    "Seconds",
    "SmtpUrl",
    "TimeZone",
]


@dataclass(frozen=True, slots=True)
class Note:
    """What `.env.example` and docs/ENVIRONMENT.md say of a setting."""

    section: str
    text: str
    #: A value that is valid, also in production, and no secret.
    example: str
    #: Where a person gets the value; empty where it is their own choice.
    where: str = ""
    needed: Literal["always", "production", "no"] = "no"


def _secretly(check: Callable[[str], str]) -> AfterValidator:
    """Return a validator of a secret's content that keeps it a secret."""

    def checked(secret: SecretStr) -> SecretStr:
        return SecretStr(check(secret.get_secret_value()))

    return AfterValidator(checked)


def _names(value: object) -> object:
    """Return the names of a comma-separated text, without blanks and empty places."""
    if not isinstance(value, str):
        return value
    return tuple(name for name in (part.strip() for part in value.split(",")) if name)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _time_zone(name: str) -> str:
    if not _is_time_zone(name):
        raise WrongValueError("is no time zone", "Write its IANA name, as Africa/Nairobi or UTC.")
    return name


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    # A name such as "../x" is a ValueError, a folder's name an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _currency(code: str) -> str:
    if not _is_currency(code):
        raise WrongValueError(
            "is no currency", "Write its ISO 4217 code in capitals, as KES or USD."
        )
    return code


def _is_currency(code: str) -> bool:
    try:
        Currency(code)
    except MoneyError:
        return False
    return True


def _mailbox(text: str) -> str:
    name, address = parseaddr(text)
    user, at, host = address.rpartition("@")
    if not (user and at and host) or any(sign in text for sign in "\r\n") or " " in address:
        raise WrongValueError(
            f"is no {'mail address' if not name else 'name with a mail address'}",
            "Write it as Tallystick <no-reply@example.org>.",
        )
    return text


DatabaseUrl = Annotated[SecretStr, _secretly(check_database)]
RedisUrl = Annotated[SecretStr, _secretly(check_redis)]
SmtpUrl = Annotated[SecretStr, _secretly(check_smtp)]
HttpUrl = Annotated[str, AfterValidator(check_http)]
HttpOrigin = Annotated[str, AfterValidator(check_http_origin)]
Host = Annotated[str, AfterValidator(check_host)]
Port = Annotated[int, Field(ge=1, le=65_535)]
#: How many of something: never zero.
Count = Annotated[int, Field(ge=1, le=1_000)]
Seconds = Annotated[int, Field(ge=1, le=3_600)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
CurrencyCode = Annotated[str, AfterValidator(_currency)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
