"""The promise of an outcome, as concurrent.futures has it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from factories.ledger import deed
from tallystick.ledger import MoveInvalid, Promise, Refused
from tallystick.ledger.writer.promise import keep_all


def outcome() -> Refused:
    return Refused(deed(), MoveInvalid("Nothing moves."))


class TestResult:
    def test_is_the_outcome_whenever_it_comes(self):
        promise, expected = Promise(), outcome()
        threading.Timer(0.05, promise.keep, [expected]).start()
        assert promise.result(5) is expected
        assert promise.result(0) is expected
        assert promise.exception() is None

    def test_raises_the_trouble_to_everyone_who_waits(self):
        promise = Promise()
        raised = []

        def wait() -> None:
            try:
                promise.result(5)
            except ZeroDivisionError as trouble:
                raised.append(trouble)

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        trouble = ZeroDivisionError()
        promise.fail(trouble)
        for thread in threads:
            thread.join()
        assert raised == [trouble] * 4
        assert promise.exception(0) is trouble

    def test_is_waited_for_no_longer_than_asked(self):
        since = time.monotonic()
        with pytest.raises(TimeoutError):
            Promise().result(0.05)
        with pytest.raises(TimeoutError):
            Promise().exception(0.05)
        assert 0.09 < time.monotonic() - since < 2


class TestCancel:
    def test_takes_back_what_nobody_has_begun(self):
        promise = Promise()
        assert promise.cancel()
        assert promise.done()
        assert not promise.begin()
        assert not promise.cancel()

    def test_tells_who_waits_and_who_wanted_to_be_called(self):
        promise, seen = Promise(), []
        promise.add_done_callback(seen.append)
        threading.Timer(0.05, promise.cancel).start()
        with pytest.raises(CancelledError):
            promise.result(5)
        assert seen == [promise]

    def test_does_nothing_once_it_is_begun(self):
        promise = Promise()
        assert promise.begin()
        assert not promise.begin()
        assert not promise.cancel()
        assert not promise.done()

    def test_and_begin_at_once_let_one_of_them_win(self):
        for _ in range(200):
            promise, won = Promise(), []
            gate = threading.Barrier(2)

            def race(step, promise=promise, won=won, gate=gate) -> None:
                gate.wait()
                if step(promise):
                    won.append(step)

            threads = [
                threading.Thread(target=race, args=(step,))
                for step in (Promise.begin, Promise.cancel)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(won) == 1


class TestCallback:
    def test_is_called_once_when_it_ends_or_at_once_after(self):
        promises, seen = [Promise(), Promise()], []
        for promise in promises:
            promise.add_done_callback(seen.append)
        assert seen == []
        keep_all(promises, [outcome(), outcome()])
        assert seen == promises
        promises[0].add_done_callback(seen.append)
        assert seen == [*promises, promises[0]]

    def test_that_fails_harms_no_other(self):
        promises, seen = [Promise(), Promise()], []
        promises[0].add_done_callback(lambda _: 1 / 0)
        promises[0].add_done_callback(seen.append)
        promises[1].add_done_callback(seen.append)
        keep_all(promises, [outcome(), outcome()])
        assert seen == promises


class TestEnd:
    def test_comes_once(self):
        promise = Promise()
        promise.keep(outcome())
        with pytest.raises(AssertionError):
            promise.fail(ZeroDivisionError())
