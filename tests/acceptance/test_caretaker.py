"""The caretaker's door: its own user alone, its own orders alone, and nobody holds it up."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tallystick import caretaker
from tallystick.caretaker import Answer, CaretakerAway, Door, Member, Order, OrderRefused


class Obedient:
    """Who notes the orders that come, and answers each alike."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.orders: list[Order] = []

    def obey(self, order: Order) -> Answer:
        self.orders.append(order)
        return self.answer


@contextmanager
def opened(obedient: Obedient) -> Iterator[Door]:
    """Open a door with somebody behind it."""
    ended = threading.Event()
    with Door() as door:

        def wait() -> None:
            while not ended.is_set():
                door.wait(0.05, obedient.obey)

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield door
        finally:
            ended.set()
            thread.join()


def say(door: Door, words: bytes) -> dict[str, object]:
    """Say something to the door, and return what it answers."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        line.connect(str(door.path))
        line.sendall(words)
        line.shutdown(socket.SHUT_WR)
        told: dict[str, object] = json.loads(line.makefile("rb").readline())
    return told


class TestAsk:
    def test_brings_an_order_and_its_answer(self):
        told = Answer(is_done=True, workers=(Member("money", 7),), is_cache_up=True)
        obedient = Obedient(told)
        with opened(obedient) as door:
            assert caretaker.ask(door.path, Order.KILL_WORKER) == told
        assert obedient.orders == [Order.KILL_WORKER]

    def test_raises_the_caretakers_own_sentence(self):
        with (
            opened(Obedient(Answer(is_done=False, why="It is your own."))) as door,
            pytest.raises(OrderRefused, match="It is your own"),
        ):
            caretaker.ask(door.path, Order.STOP_CACHE)

    def test_says_so_where_nobody_is_there(self, tmp_path):
        with pytest.raises(CaretakerAway):
            caretaker.ask(tmp_path / "no.sock", Order.LOOK)
        with Door() as door:
            path = door.path
        with pytest.raises(CaretakerAway):
            caretaker.ask(path, Order.LOOK)


class TestDoor:
    def test_is_its_own_users_and_goes_with_its_folder(self):
        with Door() as door:
            assert door.path.stat().st_mode & 0o777 == 0o600
            assert door.path.parent.stat().st_mode & 0o777 == 0o700
        assert not door.path.parent.exists()

    def test_has_another_name_for_each_house(self):
        with Door() as one, Door() as other:
            assert one.path != other.path

    @pytest.mark.parametrize(
        "words", [b"", b"\n", b"kill 1\n", b"kill_worker 1\n", b"\xff\xfe\n", b"x" * 9_000]
    )
    def test_does_nothing_for_what_is_no_order(self, words):
        obedient = Obedient(Answer(is_done=True))
        with opened(obedient) as door:
            assert say(door, words)["is_done"] is False
        assert obedient.orders == []

    def test_is_not_held_up_by_who_says_nothing(self):
        obedient = Obedient(Answer(is_done=True))
        with opened(obedient) as door, socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(door.path))
            assert caretaker.ask(door.path, Order.LOOK).is_done
        assert obedient.orders == [Order.LOOK]
