"""Tallystick: wallets and payments on a double-entry ledger that loses nothing.

The heart (ledger, wallets, payments) works inside a database transaction of yours and
knows no web framework. It never commits and never calls a provider on its own.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
