"""The folder of metrics: what processes count outlives them, what they say of now does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tallystick.observability.exposition import Folder, count_for_nobody

#: Where the library is told of a folder, in its two spellings.
VARIABLES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")
CHILD = """
import os, signal, sys
from pathlib import Path
from tallystick.observability.exposition import join
join(Path(sys.argv[1]))
from tallystick.observability.metrics import WriterMetrics, count_request
"""
COUNT = """
WriterMetrics().waiting(3)
WriterMetrics().batch(deeds=4, refused=1, replayed=0, seconds=0.1)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)\n"
ALL = """
from http import HTTPMethod
for door in ("lane", "django"):
    for method in [*HTTPMethod, "BREW"]:
        for status in range(100, 600, 100):
            count_request(door=door, method=method, status=status, seconds=1)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """Give a fresh folder; what the environment said before is put back."""
    for name in VARIABLES:
        monkeypatch.setenv(name, str(tmp_path / "of-another"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Folder.make()
    yield made
    made.remove()


def _child(folder: Folder, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, str(folder.path)], stdout=subprocess.PIPE
    )


def _run(folder: Folder, code: str) -> tuple[int, int]:
    """Run a child to its end; return its number and its status."""
    with _child(folder, code) as child:
        return child.pid, child.wait()


def _values(folder: Folder) -> dict[str, float]:
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(folder.text().decode())
        for sample in family.samples
    }


class TestMake:
    def test_leads_children_to_a_folder_for_this_user_alone(self, folder: Folder) -> None:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert [os.environ.get(name) for name in VARIABLES] == [str(folder.path), None]
        assert folder.text() == b""

    def test_makes_another_each_time(self, folder: Folder) -> None:
        second = Folder.make()
        assert second.path != folder.path
        second.remove()
        assert not second.path.exists()

    def test_deletes_those_of_the_killed_and_leaves_those_of_the_living(
        self, folder: Folder
    ) -> None:
        making = "from tallystick.observability.exposition import Folder\nimport signal\n"
        making += "print(Folder.make().path, flush=True)\nsignal.pause()\n"
        with subprocess.Popen(
            [sys.executable, "-c", making],
            env={**os.environ, "TMPDIR": str(folder.path.parent)},
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout is not None
            theirs = Path(other.stdout.readline().strip())
            Folder.make().remove()
            assert theirs.is_dir()
            other.kill()
            other.wait()
        Folder.make().remove()
        assert not theirs.exists()
        assert folder.path.is_dir()


class TestCountForNobody:
    def test_forgets_a_folder_of_the_surroundings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in VARIABLES:
            monkeypatch.setenv(name, "/nowhere")
        count_for_nobody()
        assert [os.environ.get(name) for name in VARIABLES] == [None, None]


class TestText:
    def test_sums_what_living_processes_count(self, folder: Folder) -> None:
        hold = "print(flush=True)\nsignal.pause()\n"
        children = [_child(folder, COUNT + hold) for _ in range(2)]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == b"\n"
        told = _values(folder)
        for child in children:
            child.kill()
            child.communicate()
        assert told["tallystick_writer_waiting_deeds"] == 6
        assert told["tallystick_writer_deeds_totalposted"] == 6
        assert told["tallystick_writer_batch_deeds_bucket4.0"] == 2

    @pytest.mark.parametrize("size", [0, 2, 100, 65_535])
    def test_leaves_out_a_file_that_a_kill_left_half_made(self, folder: Folder, size: int) -> None:
        _run(folder, COUNT)
        (folder.path / "counter_1.db").write_bytes(b"\xff" * size)
        assert _values(folder)["tallystick_writer_deeds_totalposted"] == 3

    def test_is_empty_where_somebody_deleted_the_folder(self, folder: Folder) -> None:
        _run(folder, COUNT)
        folder.remove()
        assert folder.text() == b""


class TestJoin:
    def test_takes_room_before_anything_is_counted(self, folder: Folder) -> None:
        pid, status = _run(folder, "")
        assert status == 0
        for kind in ("counter", "histogram", "gauge_livesum"):
            made = (folder.path / f"{kind}_{pid}.db").stat()
            assert made.st_blocks * 512 >= made.st_size == 65_536

    def test_took_room_enough_for_all_that_is_ever_counted(self, folder: Folder) -> None:
        pid, status = _run(folder, COUNT + ALL)
        assert status == 0
        sizes = {file.stat().st_size for file in folder.path.glob(f"*_{pid}.db")}
        assert sizes == {65_536}
        made = [name for name in _values(folder) if "http_requests_total" in name]
        assert len(made) == 2 * 10 * 5

    def test_counts_for_nobody_where_there_is_no_room(self, folder: Folder) -> None:
        limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        with subprocess.Popen(
            [sys.executable, "-c", limit + CHILD + COUNT + "print('alive')", str(folder.path)],
            # The limit would hold for the file of measured coverage too.
            env={name: text for name, text in os.environ.items() if "COVERAGE" not in name},
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            said = child.communicate()[0]
        assert "metrics_not_counted" in said
        assert said.endswith("alive\n")
        assert _values(folder) == {}


class TestBury:
    def test_keeps_counts_and_forgets_gauges(self, folder: Folder) -> None:
        pid, status = _run(folder, COUNT + KILL)
        assert status == -signal.SIGKILL
        before = _values(folder)
        folder.bury(pid)
        after = _values(folder)
        assert before.pop("tallystick_writer_waiting_deeds") == 3
        assert before.pop("tallystick_writer_slow_lane_deeds") == 0
        assert before.pop("tallystick_webhooks_waiting_events") == 0
        assert before.pop("tallystick_webhooks_oldest_seconds") == 0
        assert after == before
        assert after["tallystick_writer_batch_seconds_sum"] == pytest.approx(0.1)
        assert not list(folder.path.glob(f"*{pid}*"))

    def test_adds_up_over_all_that_have_ended(self, folder: Folder) -> None:
        count = len(list(folder.path.iterdir()))
        for _ in range(3):
            pid, _ = _run(folder, COUNT + KILL)
            folder.bury(pid)
            folder.bury(pid)
        told = _values(folder)
        assert told["tallystick_writer_deeds_totalrefused"] == 3
        assert told["tallystick_writer_batch_deeds_count"] == 3
        assert len(list(folder.path.iterdir())) == count

    def test_leaves_the_files_of_others(self, folder: Folder) -> None:
        pid, _ = _run(folder, COUNT)
        before = folder.text()
        folder.bury(int(str(pid)[1:] or 0))
        folder.bury(int(f"1{pid}"))
        assert folder.text() == before

    def test_goes_on_where_the_figures_are_spoilt(self, folder: Folder) -> None:
        _run(folder, COUNT)
        (folder.path / "counter_1.db").write_bytes(b"\x7f" * 65_536)
        folder.bury(1)
        assert _values(folder)["tallystick_writer_deeds_totalposted"] == 3
