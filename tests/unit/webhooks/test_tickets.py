"""What waits for the Keeper: bounded in number and bytes, and told with one word a loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from factories.inbox import delivery
from tallystick.webhooks import InboxClosed, InboxFull, Receipt
from tallystick.webhooks.keeper import tickets
from tallystick.webhooks.keeper.tickets import Queue, Ticket, tell

DONE = Receipt("evt_1", is_new=True)


@pytest.fixture
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


def ticket(loop, body: bytes = b"{}") -> Ticket:
    return Ticket(delivery(body=body), loop.create_future())


class TestQueue:
    def test_takes_no_more_than_its_number(self, loop):
        queue = Queue(deliveries_max=2, bytes_max=1_000)
        queue.put(ticket(loop))
        queue.put(ticket(loop))
        with pytest.raises(InboxFull):
            queue.put(ticket(loop))
        assert len(queue.batch()) == 2
        queue.put(ticket(loop))

    def test_takes_no_more_than_its_bytes_but_always_one(self, loop):
        queue = Queue(deliveries_max=100, bytes_max=1_000)
        queue.put(ticket(loop, bytes(2_000)))
        with pytest.raises(InboxFull):
            queue.put(ticket(loop, b"x"))
        queue.batch()
        for _ in range(2):
            queue.put(ticket(loop, bytes(500)))
        with pytest.raises(InboxFull):
            queue.put(ticket(loop, b"x"))
        queue.clear()
        queue.put(ticket(loop, bytes(1_000)))

    def test_makes_batches_that_are_bounded(self, loop, monkeypatch):
        monkeypatch.setattr(tickets, "_BATCH_MAX", 3)
        monkeypatch.setattr(tickets, "_BATCH_BYTES", 100)
        queue = Queue(deliveries_max=100, bytes_max=10_000)
        for size in (1, 1, 1, 1, 150, 1, 1):
            queue.put(ticket(loop, bytes(size)))
        assert [len(queue.batch()) for _ in range(3)] == [3, 2, 2]

    def test_gives_out_what_waits_after_it_was_closed_and_then_nothing(self, loop):
        queue = Queue(deliveries_max=10, bytes_max=1_000)
        queue.put(ticket(loop))
        queue.close()
        with pytest.raises(InboxClosed):
            queue.put(ticket(loop))
        assert [len(queue.batch()) for _ in range(2)] == [1, 0]

    def test_wakes_who_waits(self, loop):
        queue = Queue(deliveries_max=10, bytes_max=1_000)
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(len(queue.batch())))
        thread.start()
        queue.put(ticket(loop))
        thread.join(5)
        assert found == [1]


class TestTell:
    def test_wakes_a_loop_once_for_all_its_futures(self, loop):
        waiting = [ticket(loop) for _ in range(50)]
        calls = []
        wake = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *words: calls.append(1) or wake(*words)
        tell({one.future: DONE for one in waiting})
        loop.run_until_complete(asyncio.sleep(0))
        assert len(calls) == 1
        assert [one.future.result() for one in waiting] == [DONE] * 50

    def test_tells_troubles_to_those_whose_they_are(self, loop):
        well, ill = ticket(loop), ticket(loop)
        tell({well.future: DONE, ill.future: InboxFull("full")})
        loop.run_until_complete(asyncio.sleep(0))
        assert well.future.result() == DONE
        assert isinstance(ill.future.exception(), InboxFull)

    def test_leaves_alone_who_has_gone(self, loop):
        gone, waiting = ticket(loop), ticket(loop)
        gone.future.cancel()
        tell({gone.future: DONE, waiting.future: DONE})
        loop.run_until_complete(asyncio.sleep(0))
        assert gone.future.cancelled()
        assert waiting.future.result() == DONE

    def test_outlives_a_loop_that_was_closed(self, loop):
        other = asyncio.new_event_loop()
        lost, waiting = ticket(other), ticket(loop)
        other.close()
        tell({lost.future: DONE, waiting.future: DONE})
        loop.run_until_complete(asyncio.sleep(0))
        assert waiting.future.result() == DONE
