"""Ports: the remembered one if it is free, else another that is."""

from __future__ import annotations

import socket

from tallystick.embedded.ports import LOOPBACK, free_port, is_free


class TestFreePort:
    def test_keeps_the_remembered_port_while_nobody_has_it(self) -> None:
        port = free_port()
        assert free_port(port) == port

    def test_takes_another_where_somebody_has_it(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            taken = other.getsockname()[1]
            port = free_port(taken)
        assert port != taken
        assert 20_000 <= port < 30_000


class TestIsFree:
    def test_knows_both_kinds_of_addresses(self) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
            port = other.getsockname()[1]
            assert not is_free(port, "::1")
        assert is_free(port, "::1")

    def test_sees_who_listens(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as other:
            port = other.getsockname()[1]
            assert not is_free(port)
        assert is_free(port)
