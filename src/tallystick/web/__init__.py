"""The web's room: the server's dispatcher, Django behind it, pages, the HTTP API.

The only room that knows Django. It decides nothing about money: it parses, makes one
call into the heart, and renders.
"""

from __future__ import annotations

import os

from tallystick.web.database import heart

# Django asks for it once, and libraries of Django's ask for it while they are imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tallystick.web.settings")

__all__ = ["heart", "load_django"]


def load_django() -> None:
    """Load Django with its settings and models, for commands that need people or sessions."""
    import django  # noqa: PLC0415 - who only names this package must not wait for it

    django.setup()
