"""Metrics of a real server: summed over its processes, true after a kill, in nobody's way."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from running import free_ports

ROOT = Path(__file__).parents[3]
#: Loading certificates takes longer than what is asked here, and none is ever met.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ECHOED = {"door": "django", "method": "GET", "status_class": "2xx"}


class Exposed:
    """A server with metrics, and where they are."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.port = server.metrics_port

    def ask(self, method: str = "GET", path: str = "/metrics") -> httpx.Response:
        address = f"http://127.0.0.1:{self.port}{path}"
        return httpx.request(method, address, timeout=5, verify=NO_TLS)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    @contextmanager
    def silent(self, count: int) -> Iterator[list[socket.socket]]:
        """Give so many lines on which nobody says anything."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.connect()) for _ in range(count)]

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value, None where there is none."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.ask().text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        assert len(found) < 2
        return found[0] if found else None

    def answered(self) -> float:
        return self.value("tallystick_http_requests_total", **ECHOED) or 0

    def waiting(self) -> float | None:
        return self.value("tallystick_writer_waiting_deeds")

    def get(self, path: str = "/api/test/echo") -> int:
        """Ask the server, on a line of its own; return which process answered."""
        with self.server.client() as client:
            reply = client.get(path)
        assert reply.status_code == 200
        pid: int = reply.json()["pid"]
        return pid

    def let_wait(self, deeds: dict[int, int]) -> int:
        """Let each process say that so many deeds wait in it; return how often one was asked."""
        query = "&".join(f"{pid}={figure}" for pid, figure in deeds.items())
        asked, told = 0, set[int]()
        while told != set(deeds):
            told.add(self.get(f"/api/test/waiting?{query}"))
            asked += 1
        return asked

    def kill(self, worker: int) -> None:
        """Kill a worker, and wait until another has its place."""
        count = len(self.server.workers())
        os.kill(worker, signal.SIGKILL)
        _wait(lambda: len(left := self.server.workers()) == count and worker not in left, 5)


def _wait(happened: Callable[[], bool], deadline_s: float) -> float:
    mark = time.monotonic()
    while not happened():
        assert time.monotonic() - mark < deadline_s
        time.sleep(0.02)
    return time.monotonic() - mark


def _silence_until_end(connection: socket.socket) -> float:
    """Wait, saying nothing, until the other side ends the connection; return the seconds."""
    mark = time.monotonic()
    while connection.recv(65_536):
        pass
    return time.monotonic() - mark


@pytest.fixture
def shared(shared_server: Any) -> Exposed:
    """Give the metrics of a server that others ask too."""
    return Exposed(shared_server)


@pytest.fixture
def expose(start_server: Callable[..., Any]) -> Callable[..., Exposed]:
    """Give a function that starts a server with metrics for this test alone."""

    def start(**settings: object) -> Exposed:
        (port,) = free_ports(1)
        return Exposed(start_server(metrics_port=port, **settings))

    return start


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the place of the temporary files of all that this test starts."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def _folder(temporary: Path) -> Path:
    (folder,) = temporary.glob("tallystick-metrics-*")
    return folder


class TestMetrics:
    def test_are_the_sums_of_all_workers(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose(server_workers=2)
        asked, by = 0, set[int]()
        while by != set(exposed.server.workers()) or asked < 10:
            by.add(exposed.get())
            asked += 1
        assert exposed.answered() == asked
        seconds = "tallystick_http_request_seconds"
        assert exposed.value(f"{seconds}_count", door="django") == asked
        assert exposed.value(f"{seconds}_bucket", door="django", le="+Inf") == asked
        exposed.let_wait(dict(zip(exposed.server.workers(), (5, 7), strict=True)))
        assert exposed.waiting() == 12

    def test_tell_which_door_and_whether_it_was_well(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose()
        with exposed.server.client() as client:
            assert client.post("/api/webhooks/stripe", content=b"{}").status_code == 400
            assert client.get("/test/crash").status_code == 500
            assert client.request("BREW", "/api/test/echo").status_code == 405
            assert client.request("HATCH", "/api/test/echo").status_code == 405
        for count, door, method, status_class in (
            (1, "lane", "POST", "4xx"),
            (1, "django", "GET", "5xx"),
            (2, "lane", "other", "4xx"),
        ):
            labels = {"door": door, "method": method, "status_class": status_class}
            assert exposed.value("tallystick_http_requests_total", **labels) == count
        assert "BREW" not in exposed.ask().text

    def test_show_the_writer_s_with_0_before_its_first_deed(self, shared: Exposed) -> None:
        for name, labels in (
            ("deeds_total", {"outcome": "posted"}),
            ("deeds_total", {"outcome": "refused"}),
            ("trouble_total", {"what": "deadlock"}),
            ("batch_deeds_count", {}),
            ("waiting_deeds", {}),
        ):
            assert shared.value(f"tallystick_writer_{name}", **labels) == 0


class TestAddress:
    def test_tells_in_prometheus_s_text_format(self, shared: Exposed) -> None:
        shared.get()
        told, asked = shared.ask(), shared.ask("HEAD")
        assert told.status_code == asked.status_code == 200
        assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert told.headers["server"] == "tallystick"
        assert asked.headers["content-length"] == told.headers["content-length"]
        assert asked.content == b""
        assert "# TYPE tallystick_http_requests_total counter\n" in told.text
        assert shared.ask(path="/metrics?name=all").status_code == 200

    def test_has_no_other_page_and_takes_no_other_method(self, shared: Exposed) -> None:
        for path in ("/", "/metrics/", "/api/health", "/metricsandmore"):
            assert shared.ask(path=path).status_code == 404
            assert shared.ask("POST", path).status_code == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            refused = shared.ask(method)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")

    def test_is_never_the_public_one(self, shared: Exposed) -> None:
        with shared.server.client() as client:
            assert client.get("/metrics").status_code == 404

    def test_is_free_again_when_the_server_has_ended(
        self, expose: Callable[..., Exposed], temporary: Path
    ) -> None:
        exposed = expose(server_workers=2)
        folder = _folder(temporary)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert exposed.server.stop() == 0
        assert not folder.exists()
        socket.create_server(("127.0.0.1", exposed.port)).close()

    @pytest.mark.full
    def test_and_its_folder_are_free_again_when_the_parent_was_killed(
        self, expose: Callable[..., Exposed], temporary: Path
    ) -> None:
        exposed = expose(server_workers=2)
        exposed.kill(exposed.server.workers()[0])
        exposed.server.process.kill()
        exposed.server.process.wait(2)
        _wait(lambda: not _listens(exposed.port), 2)
        socket.create_server(("127.0.0.1", exposed.port)).close()
        left = _folder(temporary)
        assert expose().ask().status_code == 200
        assert _folder(temporary) != left

    def test_is_not_held_by_workers(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose()
        with exposed.connect() as silent:
            _wait(lambda: len(_lines_of(exposed.server.process.pid, exposed.port)) == 2, 2)
            exposed.kill(exposed.server.workers()[0])
            exposed.server.wait_until_ready()
            (worker,) = exposed.server.workers()
            assert _lines_of(worker, exposed.port) == []
            assert silent.fileno() >= 0


class TestKilledWorker:
    def test_loses_no_count_and_leaves_no_gauge(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose(server_workers=2)
        killed, kept = exposed.server.workers()
        asked = exposed.let_wait({killed: 7, kept: 5})
        assert (exposed.answered(), exposed.waiting()) == (asked, 12)
        exposed.kill(killed)
        assert exposed.waiting() == 5
        assert exposed.answered() == asked
        while exposed.get() == kept:
            asked += 1
        assert exposed.answered() == asked + 1
        assert exposed.value("tallystick_http_request_seconds_count", door="django") == asked + 1

    @pytest.mark.full
    def test_ends_its_gauge_before_another_has_its_place(
        self, expose: Callable[..., Exposed]
    ) -> None:
        exposed = expose()
        (killed,) = exposed.server.workers()
        exposed.let_wait({killed: 7})
        os.kill(killed, signal.SIGKILL)
        assert _wait(lambda: not exposed.waiting(), 2) < 1

    @pytest.mark.full
    def test_makes_the_folder_no_larger(
        self, expose: Callable[..., Exposed], temporary: Path
    ) -> None:
        exposed = expose()
        before, asked = len(list(_folder(temporary).iterdir())), 0
        for _ in range(3):
            exposed.get()
            asked += 1
            exposed.kill(exposed.server.workers()[0])
            exposed.server.wait_until_ready()
        assert len(list(_folder(temporary).iterdir())) == before
        assert exposed.answered() == asked

    @pytest.mark.full
    def test_in_a_reload_is_kept_too(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose()
        (old,) = exposed.server.workers()
        exposed.let_wait({old: 7})
        exposed.server.process.send_signal(signal.SIGHUP)
        _wait(lambda: len(left := exposed.server.workers()) == 1 and old not in left, 15)
        _wait(lambda: exposed.waiting() == 0, 2)
        assert exposed.answered() == 1

    @pytest.mark.full
    def test_is_replaced_by_one_that_serves_also_without_the_folder(
        self, expose: Callable[..., Exposed], temporary: Path
    ) -> None:
        exposed = expose()
        shutil.rmtree(_folder(temporary))
        exposed.kill(exposed.server.workers()[0])
        exposed.server.wait_until_ready()
        exposed.get()
        assert exposed.ask().status_code == 200
        assert "metrics_not_counted" in exposed.server.lines()
        assert "Traceback" not in exposed.server.lines()


class TestSlowScrapers:
    def test_hinder_neither_another_nor_the_server(self, shared: Exposed) -> None:
        with shared.silent(8) as lines:
            for line in lines[:4]:
                line.sendall(b"GET /metrics HTTP/1.1\r\nHost: x")
            mark = time.monotonic()
            assert shared.ask().status_code == 200
            shared.get()
            assert time.monotonic() - mark < 2
            assert sum(map(_silence_until_end, lines)) < 5

    @pytest.mark.full
    def test_are_let_go_though_they_send_a_byte_now_and_then(self, shared: Exposed) -> None:
        mark = time.monotonic()
        with shared.connect() as line:
            line.settimeout(0.5)
            line.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
            is_open = True
            while is_open:
                assert time.monotonic() - mark < 8
                try:
                    line.sendall(b"x")
                    is_open = bool(line.recv(1024))
                except TimeoutError:
                    pass
                except OSError:
                    is_open = False
        assert shared.ask().status_code == 200

    @pytest.mark.full
    def test_keep_the_server_from_no_end(self, expose: Callable[..., Exposed]) -> None:
        exposed = expose()
        with exposed.silent(20):
            assert exposed.server.stop(5) == 0

    @pytest.mark.full
    def test_are_not_served_in_any_number(self, shared: Exposed) -> None:
        with shared.silent(40) as lines:
            _wait(lambda: len(select.select(lines, [], [], 0)[0]) >= 24, 2)
            assert len(select.select(lines, [], [], 0)[0]) < 40
            assert sum(map(_silence_until_end, lines)) < 5
        assert shared.ask().status_code == 200

    def test_who_leave_at_once_leave_no_line_in_the_log(self, shared: Exposed) -> None:
        before = len(shared.server.lines())
        # Fewer than are served at once: nobody here is turned away for being many.
        for _ in range(8):
            with shared.connect() as line:
                # Ends with a reset, in the middle of the answer or before it.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                line.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert shared.ask().status_code == 200
        assert shared.server.lines()[before:] == ""


class TestStart:
    def _serve(self, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
        port, metrics_port = free_ports(2)
        needed = {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), kept.get("PYTHONPATH", "")]),
            "TALLYSTICK_DATABASE_URL": "postgresql://a:b@127.0.0.1/c",
            "TALLYSTICK_REDIS_URL": "redis://127.0.0.1",
            "TALLYSTICK_PORT": str(port),
            "TALLYSTICK_METRICS_PORT": str(metrics_port),
        }
        return subprocess.run(
            [*before, sys.executable, "-m", "tallystick.cli", "serve"],
            env={**kept, **needed, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def test_on_a_busy_port_is_refused_in_a_sentence(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            done = self._serve(TALLYSTICK_METRICS_PORT=str(port))
        assert done.returncode == 1
        assert f"Port {port} on 127.0.0.1 is in use by another program." in done.stderr
        assert "give another with TALLYSTICK_METRICS_PORT." in done.stderr
        assert "Traceback" not in done.stderr

    def test_on_an_address_of_another_machine_is_refused_too(self) -> None:
        done = self._serve(TALLYSTICK_METRICS_HOST="192.0.2.1")
        assert done.returncode == 1
        assert "192.0.2.1 is no address of this machine: check TALLYSTICK_METRICS_HOST" in (
            done.stderr
        )

    def test_without_room_for_the_folder_says_so(self, tmp_path: Path) -> None:
        # As on a full disk: no file may be larger than a block, nor that of measured coverage.
        words = 'unset COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG; ulimit -f 1; exec "$@"'
        limited = ("/bin/sh", "-c", words, "sh")
        done = self._serve(*limited, TMPDIR=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("Metrics cannot be told: ")
        assert "leave TALLYSTICK_METRICS_PORT out" in done.stderr
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == []

    def test_without_a_port_counts_nowhere(
        self, start_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        server = start_server()
        with server.client() as client:
            assert client.get("/api/test/echo").status_code == 200
        assert not (tmp_path / "nowhere").exists()
        assert not list(tmp_path.glob("tallystick-metrics-*"))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _lines_of(pid: int, port: int) -> list[str]:
    """Return the sockets of a process that are bound to the port: listening or connected."""
    table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    rows = [row.split() for row in table]
    ours = {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    held = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        # Some are closed again while one looks.
        with suppress(FileNotFoundError):
            held.append(str(file.readlink()))
    return [name for name in held if name.removeprefix("socket:[").rstrip("]") in ours]
