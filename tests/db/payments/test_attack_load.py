"""One provider down with many waiting: what it costs, and what others get."""

from __future__ import annotations

import time

from factories import payments as factory
from factories.attack import Fake, Quiet, caller, jobs_of, move_clock
from factories.wallets import wallet
from tallystick import db
from tallystick.payments import CallUnknown, handlers
from tallystick.resilience import BreakerOpen


def test_a_closed_door_is_cheap(database, pool_of):
    """Each waiting payment knocks again each 10 to 66 s: 10,000 of them must cost few statements."""
    pool = pool_of(database.application_url)
    with database.connect() as conn:
        mine = wallet(conn)
        waiting = [factory.payment(conn, mine, key=f"k{n}") for n in range(200)]
    asks = caller(pool, Fake(collect=CallUnknown("down")), volume_min=1, window_s=30)
    for one in waiting[:1]:
        handlers.submit(asks, payment_id=str(one.id))
    begun = time.monotonic()
    for one in waiting[1:]:
        handlers.submit(asks, payment_id=str(one.id))
    took = (time.monotonic() - begun) / 199
    with database.connect() as conn:
        jobs = len(jobs_of(conn, "payments.submit"))
    # Two CPUs; a knock takes four transactions, one of which writes a new job.
    assert took * 10_000 / 60 < 0.25, (
        f"{took * 1000:.1f} ms a knock: 10,000 waiting take {took * 10_000:.0f} s of a thread a round; {jobs} job rows"
    )
