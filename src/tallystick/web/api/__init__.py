"""The HTTP API for programs' keys and people's sessions: parse, one call, render.

Errors are problem+json from the one dictionary at the door. Nothing here knows SQL.
"""

from __future__ import annotations

from ninja import NinjaAPI

from tallystick import __version__
from tallystick.web.api import jobs, payments, refunds, reviews, transfers, wallets
from tallystick.web.api.queries import only_own_parameters
from tallystick.web.api.session import PersonSession
from tallystick.web.parser import StrictParser
from tallystick.web.problems import install

__all__ = ["api"]

api = NinjaAPI(
    title="Tallystick",
    version=__version__,
    urls_namespace="api",
    # What an operation does not open to keys by its scope, no key opens.
    auth=PersonSession(),
    parser=StrictParser(),
    docs_url=None,
    openapi_url="/openapi.json",
)
install(api)
api.add_decorator(only_own_parameters)
api.add_router("/wallets", wallets.router)
api.add_router("/payments", payments.router)
api.add_router("/payments", refunds.router)
api.add_router("/reviews", reviews.router)
api.add_router("/jobs", jobs.router)
api.add_router("/transfers", transfers.router)
