"""What can go wrong in the simulator, apart from what the provider itself would refuse.

SimulatorError
├── CallerUnknown         the process that called cannot be found, so nobody was killed
├── ConfigurationMissing  a setting that it cannot do without
├── FaultMalformed        a fault that nobody knows
├── FormMalformed         a form that cannot be decoded
├── JournalDamaged        a line in the middle of the journal cannot be read
├── JournalInUse          another process holds the journal
├── JournalUnreadable     there is no journal to read at this place
└── JournalUnwritable     the disk refused a line
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = [
    "CallerUnknown",
    "ConfigurationMissing",
    "FaultMalformed",
    "FormMalformed",
    "JournalDamaged",
    "JournalInUse",
    "JournalUnreadable",
    "JournalUnwritable",
    "SimulatorError",
]


class SimulatorError(TallystickError):
    """The root of this room's errors."""

    code = "simulator_error"


class CallerUnknown(SimulatorError):
    """Nobody could be found behind the connection, so nobody was killed."""

    code = "simulator_caller_unknown"


class ConfigurationMissing(SimulatorError):
    """A setting is absent or unsafe, so the simulator does not start."""

    code = "simulator_configuration_missing"


class FaultMalformed(SimulatorError):
    """The control API was asked for a misbehaviour that does not exist."""

    code = "simulator_fault_malformed"


class FormMalformed(SimulatorError):
    """The form breaks the rules of the encoding, or is too large."""

    code = "simulator_form_malformed"


class JournalDamaged(SimulatorError):
    """A complete line of the journal cannot be read: the history would have a hole."""

    code = "simulator_journal_damaged"


class JournalInUse(SimulatorError):
    """Another process writes this journal."""

    code = "simulator_journal_in_use"


class JournalUnreadable(SimulatorError):
    """There is no journal at this folder or address, or it cannot be read."""

    code = "simulator_journal_unreadable"


class JournalUnwritable(SimulatorError):
    """The journal could not be written or synced, so nothing more is acknowledged."""

    code = "simulator_journal_unwritable"
