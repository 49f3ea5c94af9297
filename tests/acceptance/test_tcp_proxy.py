"""The proxy between real sockets: it passes all on, and fails exactly as it was told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tallystick.testing import TcpProxy, Way

PATIENCE_S = 5.0


@contextmanager
def echo() -> Iterator[int]:
    """Run a server that says back what it hears, and yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(line: socket.socket) -> None:
        with line:
            try:
                while heard := line.recv(65_536):
                    line.sendall(heard)
            except OSError:
                return

    def listen() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,)).start()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE_S)


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    with echo() as port, TcpProxy("127.0.0.1", port) as line:
        yield line


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as line:
        yield line


def say(client: socket.socket, words: bytes) -> bytes:
    """Say something and return as much of the answer."""
    client.sendall(words)
    return hear(client, len(words))


def hear(client: socket.socket, count: int) -> bytes:
    heard = b""
    while len(heard) < count:
        piece = client.recv(count - len(heard))
        if not piece:
            break
        heard += piece
    return heard


def is_reset(proxy: TcpProxy) -> bool:
    """Return whether a new line is reset, be it while it is made or right after."""
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S) as client:
            client.recv(1)
    except ConnectionResetError:
        return True
    return False


class TestLine:
    def test_passes_everything_on(self, proxy, client):
        words = bytes(range(256)) * 4_000
        sender = threading.Thread(target=client.sendall, args=(words,))
        sender.start()
        assert hear(client, len(words)) == words
        sender.join()
        assert (proxy.lines, proxy.taken) == (1, 1)

    def test_passes_the_end_on_and_what_came_before_it(self, client):
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert hear(client, 100) == b"last words"

    def test_is_reset_where_no_server_is(self):
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        with TcpProxy("127.0.0.1", port) as proxy:
            assert is_reset(proxy)


class TestCut:
    def test_resets_all_lines_and_takes_new_ones(self, proxy, client):
        assert say(client, b"hello") == b"hello"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S) as other:
            assert say(other, b"again") == b"again"


class TestCutAt:
    def test_keeps_the_word_from_the_server(self, proxy, client):
        proxy.cut_at(b"COMMIT")
        assert say(client, b"INSERT") == b"INSERT"
        client.sendall(b"COMMIT")
        with pytest.raises(ConnectionResetError):
            client.recv(1)

    def test_loses_the_answer_alone_where_the_word_is_delivered(self):
        heard: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                line, _ = server.accept()
                with line:
                    heard.append(line.recv(100))
                    line.sendall(b"done")
                    heard.append(line.recv(1))

            def guarded() -> None:
                try:
                    answer()
                except ConnectionResetError:
                    heard.append(b"reset")

            thread = threading.Thread(target=guarded)
            thread.start()
            with TcpProxy(*server.getsockname()) as proxy:
                proxy.cut_at(b"COMMIT", is_delivered=True)
                client = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S)
                with client:
                    client.sendall(b"COMMIT")
                    with pytest.raises(ConnectionResetError):
                        client.recv(1)
                thread.join(PATIENCE_S)
        assert heard == [b"COMMIT", b"reset"]

    def test_hears_a_word_in_two_pieces_and_cuts_so_often(self, proxy):
        proxy.cut_at(b"COMMIT", times=2)
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S) as client:
                assert say(client, b"COM") == b"COM"
                client.sendall(b"MIT")
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S) as client:
            assert say(client, b"COMMIT") == b"COMMIT"

    @pytest.mark.parametrize(("word", "times"), [(b"", 1), (b"x" * 257, 1), (b"x", 0)])
    def test_refuses_what_it_could_never_hear(self, proxy, word, times):
        with pytest.raises(ValueError, match="Give a word"):
            proxy.cut_at(word, times=times)


class TestDelay:
    def test_makes_one_way_late(self, proxy, client):
        proxy.delay(0.2, Way.TO_CLIENT)
        started = time.monotonic()
        assert say(client, b"slow") == b"slow"
        assert 0.2 <= time.monotonic() - started < 2


class TestSlice:
    def test_lets_so_many_bytes_arrive_at_once(self, proxy, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        proxy.slice(3, Way.TO_CLIENT, pause_s=0.05)
        client.sendall(b"abcdefgh")
        pieces = [client.recv(100) for _ in range(3)]
        assert pieces == [b"abc", b"def", b"gh"]


class TestBlackhole:
    def test_holds_back_until_it_heals(self, proxy, client):
        proxy.blackhole()
        client.sendall(b"where are you")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(PATIENCE_S)
        proxy.heal()
        assert hear(client, 13) == b"where are you"

    def test_takes_new_lines_and_says_nothing(self, proxy):
        proxy.blackhole()
        with socket.create_connection(("127.0.0.1", proxy.port), 0.2) as client:
            client.sendall(b"anybody")
            with pytest.raises(TimeoutError):
                client.recv(1)


class TestRefuse:
    def test_resets_new_lines_and_keeps_old_ones(self, proxy, client):
        assert say(client, b"old") == b"old"
        proxy.refuse()
        assert is_reset(proxy)
        assert say(client, b"still") == b"still"
        proxy.heal()
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_S) as other:
            assert say(other, b"new") == b"new"
