"""Background work of the ledger: the months to come get their partitions. It moves no money."""

from __future__ import annotations

from typing import Final

import structlog

from tallystick.db import Pool
from tallystick.ledger import store

__all__ = ["PARTITIONS", "make_partitions"]

#: The job that makes the partitions of the months to come.
PARTITIONS: Final = "ledger.partitions"
_MONTHS_AHEAD: Final = 3

log: Final = structlog.get_logger(__name__)


def make_partitions(*, pool: Pool) -> None:
    """Make the transfers' partitions of this month and the next three, where they are missing.

    Fails after 3 s where a long read holds the table: the job comes back, and there are months
    left to try in.
    """
    with pool.transaction() as conn:
        [(made,)] = store.rows(conn, "make_partitions", months_ahead=_MONTHS_AHEAD)
    if made:
        log.info("transfer_partitions_made", made=made)
