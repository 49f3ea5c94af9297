"""The provider simulator: speaks a provider's HTTP, keeps a journal, misbehaves on request.

For development and tests. It takes only test keys, moves no money, and imports nothing of the
house but its foundations.
"""

from __future__ import annotations

from tallystick.simulator.app import Configuration, Simulator
from tallystick.simulator.errors import SimulatorError
from tallystick.simulator.reader import (
    JournalCharge,
    JournalContents,
    JournalDispute,
    JournalRefund,
    JournalWebhook,
    read_journal,
)
from tallystick.simulator.serve import run

__all__ = [
    "Configuration",
    "JournalCharge",
    "JournalContents",
    "JournalDispute",
    "JournalRefund",
    "JournalWebhook",
    "Simulator",
    "SimulatorError",
    "read_journal",
    "run",
]
