"""Addresses of the pages. Ids in them are shown ids; a malformed one is 404."""

from __future__ import annotations

from django.urls import URLPattern, path

from tallystick.web.pages import letters, overview, payments, sending, topups, wallet

__all__ = ["urlpatterns"]

urlpatterns: list[URLPattern] = [
    path("", overview.overview, name="overview"),
    path("overview/live", overview.fragment, name="overview_live"),
    path("top-up", topups.top_up, name="top_up"),
    path("send", sending.send, name="send"),
    path("send/confirm", sending.confirm, name="send_confirm"),
    path("pay/<str:shown_id>", sending.pay_link, name="pay_link"),
    path("wallets/<str:shown_id>", wallet.wallet, name="wallet"),
    path("transfers/<str:shown_id>", wallet.transfer, name="transfer"),
    path("payments/<str:shown_id>", payments.payment, name="payment"),
    path("payments/<str:shown_id>/live", payments.fragment, name="payment_live"),
    path("dev/mail", letters.letters, name="dev_mail"),
    path("dev/mail/<str:shown_id>", letters.letter, name="dev_letter"),
]
