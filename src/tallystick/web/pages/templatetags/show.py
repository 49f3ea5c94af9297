"""How pages show money, times, ids and form fields. It formats and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tallystick import ids
from tallystick.money import Money

__all__ = ["register"]

register: Final = template.Library()

_NBSP: Final = "\N{NO-BREAK SPACE}"
_MINUS: Final = "\N{MINUS SIGN}"
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400


@register.filter
def amount(money: Money) -> str:
    """Return the figures alone, grouped by thousands: `1,500.00`."""
    whole, dot, fraction = money.major.removeprefix("-").partition(".")
    sign = _MINUS if money.minor < 0 else ""
    return f"{sign}{int(whole):,}{dot}{fraction}"


@register.filter
def money(value: Money) -> str:
    """Return an amount that does not break over lines: `KES 1,500.00`."""
    return f"{value.currency.code}{_NBSP}{amount(value)}"


@register.filter
def signed(value: Money) -> str:
    """Return an amount with its sign, as entries carry it: `+1,500.00`."""
    return f"+{amount(value)}" if value.minor > 0 else amount(value)


@register.filter
def shown(identity: UUID, prefix: str) -> str:
    """Return an id as people see it."""
    return ids.show(prefix, identity)


@register.filter
def humanized(code: str) -> str:
    """Return a stable code as words: `product_not_received` as `Product not received`."""
    return code.replace("_", " ").capitalize()


@register.filter
def at(names: Mapping[str, str], key: str) -> str:
    """Return what a table says of a key, the key itself where it says nothing."""
    return names.get(key, key)


@register.simple_tag
def when(moment: datetime, now: datetime) -> SafeString:
    """Return a time as a person says it, with the exact one on hover and for programs."""
    return _time(moment, _ago(moment, now))


@register.simple_tag
def when_under(heading: datetime, moment: datetime, now: datetime) -> SafeString:
    """Return a time that stands under its day's heading: the hour, unless it is of another day."""
    is_told = _date(moment) == _date(heading) != _date(now)
    return _time(moment, f"{timezone.localtime(moment):%H:%M}" if is_told else _ago(moment, now))


@register.filter
def day(moment: datetime, now: datetime) -> str:
    """Return the day of a time: today, yesterday, or its date."""
    then, today = _date(moment), _date(now)
    names = {0: "Today", 1: "Yesterday"}
    past = (today - then).days
    if past in names:
        return names[past]
    return f"{then:%A} {then.day} {then:%B}" + ("" if then.year == today.year else f" {then:%Y}")


@register.filter
def control(field: BoundField, extra: str = "") -> SafeString:
    """Return a form field's control, dressed and marked where it is wrong."""
    wrong = " is-invalid" if field.errors else ""
    return field.as_widget(attrs={"class": f"form-control{wrong} {extra}".strip()})


def _time(moment: datetime, said: str) -> SafeString:
    """Return a time in words, with the exact one on hover and for programs."""
    local = timezone.localtime(moment)
    exact = f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S %Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, said)


def _date(moment: datetime) -> date:
    return timezone.localtime(moment).date()


def _ago(moment: datetime, now: datetime) -> str:
    local = timezone.localtime(moment)
    seconds = int((now - moment).total_seconds())
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min ago"
    if _date(now) == local.date():
        return f"{local:%H:%M}"
    if seconds < 7 * _DAY_S:
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %Y, %H:%M}"


@register.filter
def browser(user_agent: str) -> str:
    """Return a browser and its system by name, as far as its own words tell."""
    programs = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox")]
    programs += [("Chrome/", "Chrome"), ("Safari/", "Safari")]
    systems = [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")]
    systems += [("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux")]
    program = next((name for sign, name in programs if sign in user_agent), "")
    system = next((name for sign, name in systems if sign in user_agent), "")
    return " on ".join(part for part in (program, system) if part) or user_agent[:60] or "Unknown"
