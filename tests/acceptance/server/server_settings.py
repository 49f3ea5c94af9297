"""Django's settings for the server under test: the product's own, with views to be served."""

from __future__ import annotations

from tallystick.web.settings import *  # noqa: F403

ROOT_URLCONF = "server_urls"
