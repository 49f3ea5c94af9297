"""Children: they stop within a deadline, they die with their parent, their logs stay small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tallystick.process import children, kill_child, last_words, open_log, spawn, terminate

#: Nothing here takes so long, even where the machine has other work, in seconds.
_WITHIN_S = 20
#: A child that does not listen.
_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
#: A parent that starts a child, says its number, and waits to be killed.
_PARENT = """
import signal, subprocess, sys, time
from tallystick.process import spawn
child = spawn(["/bin/sleep", "60"], output=subprocess.DEVNULL, farewell=signal.SIGINT)
print(child.pid, flush=True)
time.sleep(60)
"""
#: The same with a child that takes its time when it is asked to end.
_PARENT_OF_DEAF = f"""
import subprocess, sys, time
from tallystick.process import spawn
child = spawn([sys.executable, "-c", {_DEAF!r}], output=sys.stdout.fileno())
print(child.pid, flush=True)
time.sleep(60)
"""


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestSpawn:
    def test_lets_the_child_die_with_a_parent_that_is_killed(self) -> None:
        with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert _is_running(child)
            parent.kill()
        deadline = time.monotonic() + _WITHIN_S
        while _is_running(child) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not _is_running(child)

    def test_lets_a_child_that_does_not_listen_die_with_it_too(self) -> None:
        words = [sys.executable, "-c", _PARENT_OF_DEAF]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
            child = int((said - {b"up"}).pop())
            parent.kill()
        deadline = time.monotonic() + _WITHIN_S
        while _is_running(child) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not _is_running(child)

    def test_gives_the_child_a_session_of_its_own_so_that_ctrl_c_passes_it_by(self) -> None:
        child = spawn(["/bin/sleep", "60"], output=subprocess.DEVNULL)
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
        terminate(child, deadline_s=_WITHIN_S)

    def test_hands_over_the_environment_that_it_is_given_and_no_other(self, tmp_path: Path) -> None:
        log = tmp_path / "child.log"
        with open_log(log) as output:
            child = spawn(["/usr/bin/env"], output=output, environment={"ONE": "1"})
        assert child.wait(_WITHIN_S) == 0
        assert last_words(log) == "ONE=1"

    def test_raises_where_there_is_no_such_program(self) -> None:
        with pytest.raises(FileNotFoundError):
            spawn(["/nowhere/program"], output=subprocess.DEVNULL)


class TestTerminate:
    def test_returns_the_signal_that_ended_the_child(self) -> None:
        child = spawn(["/bin/sleep", "60"], output=subprocess.DEVNULL)
        assert terminate(child, deadline_s=_WITHIN_S) == -signal.SIGTERM

    def test_kills_a_child_that_does_not_listen_when_the_deadline_has_passed(
        self, tmp_path: Path
    ) -> None:
        log = tmp_path / "child.log"
        with open_log(log) as output:
            child = spawn([sys.executable, "-c", _DEAF], output=output)
        while not last_words(log):
            time.sleep(0.01)
        started = time.monotonic()
        assert terminate(child, deadline_s=0.2) == -signal.SIGKILL
        assert time.monotonic() - started < _WITHIN_S

    def test_accepts_a_child_that_has_ended(self) -> None:
        child = spawn(["/bin/true"], output=subprocess.DEVNULL)
        child.wait()
        assert terminate(child, deadline_s=1) == 0


class TestOpenLog:
    def test_sets_a_large_log_aside(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        log.write_bytes(b"x" * (8 * 1024 * 1024 + 1))
        with open_log(log) as output:
            output.write(b"new")
        assert log.read_bytes() == b"new"
        assert (tmp_path / "server.log.1").stat().st_size > 8 * 1024 * 1024

    def test_lets_nobody_else_read_it(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        open_log(log).close()
        assert log.stat().st_mode & 0o777 == 0o600


class TestLastWords:
    def test_begins_where_it_is_told(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        log.write_bytes(b"earlier\nlater\n")
        assert last_words(log, begin=8) == "later"

    def test_keeps_to_the_end_of_a_long_log(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        log.write_bytes(b"x" * 10_000 + b" end")
        assert len(last_words(log)) == 4096
        assert last_words(log).endswith(" end")


class TestSettle:
    def test_leaves_what_is_loaded_to_itself_and_goes_on_collecting(self):
        code = (
            "import gc\n"
            "from tallystick import process\n"
            "process.settle()\n"
            "assert gc.isenabled() and gc.get_freeze_count() > 1000\n"
            "assert gc.get_threshold()[0] == 20_000\n"
            "class Ring: pass\n"
            "import weakref\n"
            "ring = Ring(); ring.self = ring; seen = weakref.ref(ring); del ring\n"
            "kept = [[] for _ in range(25_000)]\n"
            "assert seen() is None\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


#: A parent of two who put on names, and who says when they have.
_FAMILY = """
import subprocess, sys, time
from tallystick.process import spawn
for name in ("money", "mail"):
    code = f"from tallystick.process import put_name; put_name({name!r}); print(); input()"
    child = spawn([sys.executable, "-c", code], output=subprocess.PIPE, stdin=subprocess.PIPE)
    child.stdout.readline()
    keep = [child] if name == "money" else [*keep, child]
print("up", flush=True)
time.sleep(60)
"""


class TestKillChild:
    def test_kills_the_one_of_that_name_and_no_other(self):
        parent = spawn([sys.executable, "-c", _FAMILY], output=subprocess.PIPE)
        assert parent.stdout is not None
        with parent.stdout as said:
            assert said.readline() == b"up\n"
        before = {name: pid for pid, name in children(parent.pid).items()}
        assert set(before) == {"money", "mail"}
        assert kill_child(parent.pid, "money") == before["money"]
        deadline = time.monotonic() + _WITHIN_S
        while _is_running(before["money"]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert _is_running(before["mail"])
        assert _is_running(parent.pid)
        terminate(parent, deadline_s=_WITHIN_S)

    def test_kills_nobody_where_nobody_has_the_name(self):
        parent = spawn(["/bin/sleep", "60"], output=subprocess.DEVNULL)
        assert kill_child(parent.pid, "money") is None
        # We are the parent of a sleeper, and it is left alone.
        assert kill_child(os.getpid(), "money") is None
        assert parent.poll() is None
        terminate(parent, deadline_s=_WITHIN_S)
        assert children(parent.pid) == {}
