"""`python -m tallystick.cli` is `tallystick`."""

from __future__ import annotations

from tallystick.cli import main

main()
