"""What the integration refuses.

IntegrationError
└── BooksReadOnly   somebody wants to write the books through Django's models
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["BooksReadOnly", "IntegrationError"]


class IntegrationError(TallystickError):
    """The integration refused; nothing was written."""

    code = "integration_error"


class BooksReadOnly(IntegrationError):
    """Django's models show the books and never write them: money moves through the heart."""

    code = "books_read_only"
