"""What allauth asks us: our words, links from our own address, a wallet for a new person.

It opens no door of its own: allauth's views and their limits stay in front.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.forms import BaseForm
from django.http import HttpRequest
from django.urls import reverse

from tallystick import db, wallets
from tallystick.money import Currency
from tallystick.web.database import heart
from tallystick.web.people.models import Person

__all__ = ["Adapter"]

#: Values of a letter's context that are links; allauth makes them from the Host header.
_LINKS: Final = ("activate_url", "password_reset_url", "signup_url")


class Adapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Our answers to allauth's questions."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is closed. Write to us if that is a mistake.",
        "email_password_mismatch": "This e-mail address and password do not belong together.",
        "duplicate_email": "This is your e-mail address already.",
        "same_as_current": "This is your e-mail address already.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
        "invalid_password_reset": "This link has been used, or it is too old.",
        "too_many_login_attempts": "Too many tries. Wait a few minutes, then try again.",
        "rate_limited": "Too many tries. Wait a minute, then try again.",
    }

    def save_user(
        self, request: HttpRequest, user: Person, form: BaseForm, *, commit: bool = True
    ) -> Person:
        """Save the person and open their wallet, in the request's transaction."""
        user.name = form.cleaned_data.get("name", "")
        super().save_user(request, user, form, commit=commit)
        with heart() as conn:
            wallets.open_wallet(
                conn,
                owner=user.owner,
                currency=Currency(settings.TALLYSTICK.default_currency),
                now=db.now(conn),
            )
        return user

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write a letter whose links lead to our public address, whatever the Host header said."""
        ours = {name: _public(str(context[name])) for name in _LINKS if name in context}
        given = (
            context
            | ours
            | {
                "email": email,
                "home_url": settings.TALLYSTICK.public_url,
                "password_reset_start_url": _public(reverse("account_reset_password")),
            }
        )
        self.render_mail(template_prefix, email, given).send()

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the page that the form stands on, which then says that it is done."""
        del request
        return reverse("account_change_password")


def _public(link: str) -> str:
    parts = urlsplit(link)
    query = f"?{parts.query}" if parts.query else ""
    return f"{settings.TALLYSTICK.public_url.rstrip('/')}{parts.path}{query}"
