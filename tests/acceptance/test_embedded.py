"""The embedded engines for real: started, killed, torn and closed in, and always up again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tallystick import embedded
from tallystick.embedded import occupants, place
from tallystick.embedded.ports import LOOPBACK

#: A process that holds the engines of a folder until it is ended.
_HOLDER = """
import sys, time
from pathlib import Path
from tallystick import embedded
with embedded.Engines.start(Path(sys.argv[1])) as running:
    print(running.owner_url, running.redis_url, flush=True)
    time.sleep(120)
"""
#: The same as an ordinary user. All is imported before: that user may not reach our Python.
_ORDINARY = """
import os, sys
from pathlib import Path
import psycopg, encodings.idna
from tallystick import embedded
from tallystick.embedded import programs
found = programs.find()
programs.find = lambda: found
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.umask(0o077)
for _ in range(2):
    with embedded.Engines.start(Path(sys.argv[1])) as running:
        with psycopg.connect(running.application_url) as conn:
            print(conn.execute("SELECT current_user").fetchone()[0], os.geteuid())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the engines' user can reach, and take all of its traces away."""
    path = Path(tempfile.mkdtemp(prefix="tallystick-embedded-", dir="/var/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(place.elsewhere(path / "checkout"), ignore_errors=True)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def finished() -> Iterator[Path]:
    """Give a folder whose engines have run once; the tests of this file go on with it."""
    path = Path(tempfile.mkdtemp(prefix="tallystick-embedded-", dir="/var/tmp"))
    with embedded.Engines.start(path) as running, psycopg.connect(running.owner_url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    yield path
    shutil.rmtree(path)


@contextmanager
def _connected(running: embedded.Running) -> Iterator[psycopg.Connection]:
    with running, psycopg.connect(running.owner_url) as conn:
        yield conn


def _answer(url: str) -> object:
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT answer FROM kept").fetchone()
        return row and row[0]


def _hold(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )


def _urls(holder: subprocess.Popen[str]) -> tuple[str, str]:
    assert holder.stdout is not None
    owner, cache = holder.stdout.readline().split()
    return owner, cache


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _wait_until_silent(*ports: int, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while any(map(_listens, ports)):
        assert time.monotonic() < deadline, "an engine outlived its parent"
        time.sleep(0.02)


class TestStart:
    def test_gives_two_roles_and_a_cache_that_all_ask_for_a_password(self, finished: Path) -> None:
        with embedded.Engines.start(finished) as running:
            for url, role in ((running.owner_url, "owner"), (running.application_url, "login")):
                assert url.startswith(f"postgresql://tallystick_{role}:")
                for wrong in ("wrong", ""):
                    guess = psycopg.conninfo.make_conninfo(url, password=wrong)
                    with pytest.raises(psycopg.OperationalError, match="password"):
                        psycopg.connect(guess)
            with socket.create_connection((LOOPBACK, _port(running.redis_url))) as stranger:
                stranger.sendall(b"PING\r\n")
                assert stranger.recv(100).startswith(b"-NOAUTH")
            with redis.Redis.from_url(running.redis_url) as cache:
                assert cache.set("key", "value")

    def test_lets_the_owner_make_databases_and_roles_and_the_application_nothing(
        self, finished: Path
    ) -> None:
        columns = "rolcreatedb, rolcreaterole, rolsuper"
        rights = f"SELECT {columns} FROM pg_roles WHERE rolname = current_user"
        with embedded.Engines.start(finished) as running:
            with psycopg.connect(running.owner_url) as owner:
                assert owner.execute(rights).fetchone() == (True, True, False)
            with psycopg.connect(running.application_url) as application:
                assert application.execute(rights).fetchone() == (False, False, False)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    application.execute("CREATE TABLE public.mine (id integer)")

    def test_is_durable_checksummed_and_on_universal_time(self, finished: Path) -> None:
        names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "TimeZone")
        with _connected(embedded.Engines.start(finished)) as conn:
            values = [conn.execute(f"SHOW {name}").fetchone() for name in names]
        assert values == [("on",), ("on",), ("on",), ("on",), ("UTC",)]

    def test_shows_no_password_to_who_lists_processes_or_files(self, finished: Path) -> None:
        with embedded.Engines.start(finished) as running:
            urls = (running.owner_url, running.application_url, running.redis_url)
            passwords = [url.split(":")[2].partition("@")[0] for url in urls]
            lines = [path.read_bytes() for path in _command_lines()]
        assert not [line for line in lines for word in passwords if word.encode() in line]
        readable = [path for path in finished.iterdir() if path.stat().st_mode & 0o044]
        assert [path.name for path in readable] == ["logs"]
        assert not [path for path in (finished / "logs").iterdir() if path.stat().st_mode & 0o077]

    def test_keeps_data_and_ports_and_takes_other_ports_where_these_are_taken(
        self, finished: Path
    ) -> None:
        with embedded.Engines.start(finished) as first:
            pass
        with embedded.Engines.start(finished) as second:
            assert second.owner_url == first.owner_url
            assert second.redis_url == first.redis_url
        with (
            socket.create_server((LOOPBACK, _port(first.owner_url))),
            socket.create_server((LOOPBACK, _port(first.redis_url))),
            embedded.Engines.start(finished) as third,
        ):
            assert _port(third.owner_url) != _port(first.owner_url)
            assert _port(third.redis_url) != _port(first.redis_url)
            assert _answer(third.owner_url) == 42

    def test_refuses_a_second_start_and_names_the_process(self, finished: Path) -> None:
        holder = _hold(finished)
        _urls(holder)
        with pytest.raises(embedded.AlreadyRunning, match=f"as process {holder.pid}"):
            embedded.Engines.start(finished)
        holder.terminate()
        holder.communicate()

    def test_runs_as_an_ordinary_user_in_a_closed_folder_of_theirs(self, folder: Path) -> None:
        home = folder / "home"
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(home, 65534, 65534)
        done = subprocess.run(
            [sys.executable, "-c", _ORDINARY, home / "checkout"],
            capture_output=True,
            text=True,
            check=False,
        )
        uid = os.geteuid() or 65534
        assert done.stdout == f"tallystick_login {uid}\n" * 2, done.stderr
        assert (home / "checkout" / "postgresql").stat().st_uid == uid

    def test_goes_elsewhere_and_says_so_where_the_checkout_is_closed_to_its_user(
        self, folder: Path
    ) -> None:
        folder.chmod(0o700)
        said: list[str] = []
        with _connected(embedded.Engines.start(folder / "checkout", report=said.append)) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with embedded.Engines.start(folder / "checkout") as running:
            assert _answer(running.owner_url) == 42
        away = place.elsewhere(folder / "checkout")
        is_away = os.geteuid() == 0
        assert away.exists() == is_away
        assert any(str(away) in line for line in said) == is_away
        assert folder.stat().st_mode & 0o777 == 0o700
        embedded.remove(folder / "checkout")
        assert not away.exists()


class TestDeath:
    def test_reaches_the_engines_of_a_parent_that_is_killed(self, finished: Path) -> None:
        holder = _hold(finished)
        ports = [_port(url) for url in _urls(holder)]
        holder.kill()
        holder.communicate()
        _wait_until_silent(*ports)

    def test_hinders_no_start_that_follows_at_once(self, finished: Path) -> None:
        holder = _hold(finished)
        _urls(holder)
        holder.kill()
        holder.communicate()
        with embedded.Engines.start(finished) as running:
            assert _answer(running.owner_url) == 42

    def test_comes_in_order_on_ctrl_c(self, finished: Path) -> None:
        holder = _hold(finished)
        ports = [_port(url) for url in _urls(holder)]
        holder.send_signal(signal.SIGINT)
        holder.communicate()
        assert not any(map(_listens, ports))
        assert not (finished / "postgresql" / "postmaster.pid").exists()

    def test_of_the_server_alone_leaves_data_that_recover(self, finished: Path) -> None:
        with embedded.Engines.start(finished):
            lines = occupants.postmaster_lines(finished / "postgresql")
            os.kill(int(lines[0]), signal.SIGKILL)
        with embedded.Engines.start(finished) as running:
            assert _answer(running.owner_url) == 42


class TestRepair:
    def test_starts_over_a_pid_file_that_names_a_stranger(self, finished: Path) -> None:
        stranger = subprocess.Popen(["/bin/sleep", "60"])
        pid_file = finished / "postgresql" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n1\n1\n\n127.0.0.1\n\nready\n")
        with embedded.Engines.start(finished) as running:
            assert _answer(running.owner_url) == 42
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()

    def test_makes_half_made_data_anew_and_says_so(self, folder: Path) -> None:
        checkout = folder / "checkout"
        holder = _hold(checkout)
        while not list(checkout.glob("postgresql.making-*/base")):
            time.sleep(0.001)
        holder.kill()
        holder.communicate()
        assert not (checkout / "postgresql").exists()
        said: list[str] = []
        with _connected(embedded.Engines.start(checkout, report=said.append)) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
        assert [line for line in said if "interrupted" in line]
        assert not list(checkout.glob("postgresql.*"))

    def test_gives_new_passwords_where_the_old_are_lost(self, finished: Path) -> None:
        before = (finished / "engines.json").read_text()
        (finished / "engines.json").unlink()
        with embedded.Engines.start(finished) as running:
            assert _answer(running.owner_url) == 42
        assert (finished / "engines.json").read_text() != before

    def test_never_deletes_what_it_does_not_know(self, folder: Path) -> None:
        foreign = folder / "checkout" / "postgresql"
        foreign.mkdir(parents=True)
        (foreign / "diary").write_text("mine")
        with pytest.raises(embedded.EngineFailed, match="holds no database"):
            embedded.Engines.start(folder / "checkout")
        (foreign / "PG_VERSION").write_text("14\n")
        with pytest.raises(embedded.DataOfOtherVersion, match="PostgreSQL 14"):
            embedded.Engines.start(folder / "checkout")
        assert (foreign / "diary").read_text() == "mine"


class TestPostgres:
    def test_forgets_all_where_it_need_not_be_durable(self, folder: Path) -> None:
        with (
            embedded.postgres(folder / "checkout", durable=False) as addresses,
            psycopg.connect(addresses.owner_url) as conn,
        ):
            assert conn.execute("SHOW fsync").fetchone() == ("off",)
        assert not (folder / "checkout" / "postgresql").exists()


class TestRemove:
    def test_refuses_while_the_engines_run(self, folder: Path) -> None:
        with (
            embedded.postgres(folder / "checkout", durable=True),
            pytest.raises(embedded.AlreadyRunning),
        ):
            embedded.remove(folder / "checkout")
        embedded.remove(folder / "checkout")
        assert not (folder / "checkout" / "postgresql").exists()

    def test_accepts_a_folder_that_was_never_used(self, folder: Path) -> None:
        embedded.remove(folder / "never")
        assert not (folder / "never").exists()


def _command_lines() -> Iterator[Path]:
    for entry in Path("/proc").iterdir():
        path = entry / "cmdline"
        if entry.name.isdigit() and path.exists():
            yield path
