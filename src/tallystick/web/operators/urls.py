"""Addresses of the operators' pages. Ids in them are shown ids; a malformed one is 404."""

from __future__ import annotations

from django.urls import URLPattern, path

from tallystick.web.operators import breakers, payments, refunding, reviews

__all__ = ["urlpatterns"]

urlpatterns: list[URLPattern] = [
    path("payments", payments.listing, name="operators_payments"),
    path("payments/<str:shown_id>", payments.payment, name="operators_payment"),
    path("payments/<str:shown_id>/live", payments.fragment, name="operators_payment_live"),
    path("payments/<str:shown_id>/refund", refunding.refund, name="operators_refund"),
    path("reviews", reviews.listing, name="operators_reviews"),
    path("reviews/<str:shown_id>/resolve", reviews.resolve, name="operators_resolve"),
    path("breakers", breakers.listing, name="operators_breakers"),
    path("breakers/live", breakers.fragment, name="operators_breakers_live"),
    path("breakers/<str:name>/reset", breakers.reset, name="operators_breaker_reset"),
]
