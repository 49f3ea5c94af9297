"""The command line: one file a command, each a door that parses, makes one call and renders.

The heart alone has no command line: it says which extra brings it.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say in a sentence that the server's extra is missing."""
    try:
        import typer  # noqa: F401, PLC0415 - only the question whether it is there
    except ModuleNotFoundError:
        sys.exit("The commands need the server's packages: pip install 'tallystick[server]'")
    from tallystick.cli.app import build  # noqa: PLC0415 - after the question

    build()()
