"""A provider that hangs, and the other work of the money group: 4 threads, as by default."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from factories import payments as factory
from factories.attack import Fake, caller
from factories.wallets import wallet
from tallystick.payments import CallUnknown, handlers


def test_one_that_hangs_leaves_a_thread_for_others(database, pool_of):
    pool = pool_of(database.application_url)
    with database.connect() as conn:
        mine = wallet(conn)
        to_send = [factory.payment(conn, mine, key=f"s{n}") for n in range(3)]
        to_ask = [factory.submitted(conn, mine, key=f"a{n}") for n in range(3)]

    def hang(*_):
        time.sleep(6)  # the SDK's deadline is 10 s
        raise CallUnknown("timeout")

    asks = caller(pool, Fake(collect=hang, look_up=hang))
    begun = time.monotonic()
    waited = []
    with ThreadPoolExecutor(4) as threads:  # money_concurrency
        for one, other in zip(to_send, to_ask, strict=True):
            threads.submit(handlers.submit, asks, payment_id=str(one.id))
            threads.submit(handlers.look, asks, payment_id=str(other.id))
        # A job of another provider comes now.
        threads.submit(lambda: waited.append(time.monotonic() - begun))
    assert waited[0] < 2, f"another provider's job waited {waited[0]:.1f} s"
