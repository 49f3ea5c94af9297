"""Addresses of the people's pages: allauth's views under our own paths and allauth's names."""

from __future__ import annotations

from allauth.account import views as theirs
from allauth.usersessions.views import list_usersessions
from django.urls import URLPattern, path, re_path

from tallystick.web.people import views

__all__ = ["urlpatterns"]

urlpatterns: list[URLPattern] = [
    path("sign-up", theirs.signup, name="account_signup"),
    path("sign-in", theirs.login, name="account_login"),
    path("sign-out", theirs.logout, name="account_logout"),
    path("closed", theirs.account_inactive, name="account_inactive"),
    path("confirm-it-is-you", theirs.reauthenticate, name="account_reauthenticate"),
    path("verify-email", theirs.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^verify-email/(?P<key>[-:\w]+)$", theirs.confirm_email, name="account_confirm_email"),
    path("forgotten-password", theirs.password_reset, name="account_reset_password"),
    path("forgotten-password/sent", theirs.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^new-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[-\w]+)$",
        theirs.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "new-password/done",
        theirs.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("settings", views.profile, name="settings"),
    path("settings/profile", views.profile, name="settings_profile"),
    path("settings/email", theirs.email, name="account_email"),
    path("settings/security", theirs.password_change, name="account_change_password"),
    path("settings/sessions", list_usersessions, name="usersessions_list"),
]
