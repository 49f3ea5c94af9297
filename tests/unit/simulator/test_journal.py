"""The journal loses nothing that it acknowledged, and refuses a history with a hole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tallystick.simulator.errors import JournalDamaged, JournalInUse, JournalUnwritable
from tallystick.simulator.journal import FILE_NAME, Journal


class TestOpen:
    def test_makes_the_folder_and_starts_empty(self, tmp_path: Path) -> None:
        journal = Journal.open(tmp_path / "a" / "b")
        assert (list(journal.lines()), journal.sequence, journal.is_durable) == ([], 0, True)
        journal.close()

    def test_keeps_the_file_from_other_people(self, tmp_path: Path) -> None:
        Journal.open(tmp_path).close()
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("rest", [b'{"seq":3,"wh', b"x" * 200_000, b"\n"[:0] + b"{"])
    def test_drops_a_cut_last_line(self, tmp_path: Path, rest: bytes) -> None:
        path = _written(tmp_path)
        path.write_bytes(path.read_bytes() + rest)
        journal = Journal.open(tmp_path)
        journal.write({"what": "third"})
        assert [line["what"] for line in journal.lines()] == ["first", "second", "third"]
        journal.close()

    def test_drops_everything_when_the_only_line_is_cut(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_bytes(b'{"seq":1')
        journal = Journal.open(tmp_path)
        assert journal.sequence == 0
        journal.close()

    @pytest.mark.parametrize("line", [b"not json", b"[1]", b'{"seq":7,"what":"other"}'])
    def test_refuses_a_damaged_line_in_the_middle(self, tmp_path: Path, line: bytes) -> None:
        path = _written(tmp_path)
        first, second = path.read_bytes().splitlines()
        path.write_bytes(b"\n".join((first, line, second)) + b"\n")
        with pytest.raises(JournalDamaged, match="Line 2"):
            Journal.open(tmp_path)

    def test_refuses_a_folder_that_another_holds(self, tmp_path: Path) -> None:
        journal = Journal.open(tmp_path)
        with pytest.raises(JournalInUse, match="--data"):
            Journal.open(tmp_path)
        journal.close()
        Journal.open(tmp_path).close()

    def test_says_that_the_folder_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(JournalUnwritable, match="cannot be opened"):
            Journal.open(tmp_path / "file")

    def test_forgets_everything_when_told_to(self, tmp_path: Path) -> None:
        _written(tmp_path)
        journal = Journal.open(tmp_path, reset=True)
        assert list(journal.lines()) == []
        journal.close()


class TestWrite:
    def test_numbers_the_lines(self, tmp_path: Path) -> None:
        journal = Journal.open(tmp_path)
        journal.write({"what": "a"})
        journal.write({"what": "ü\n\u2028"})
        assert [(line["seq"], line["what"]) for line in journal.lines()] == [
            (1, "a"),
            (2, "ü\n\u2028"),
        ]
        assert [line["seq"] for line in journal.lines(after=1)] == [2]
        journal.close()

    def test_takes_a_half_written_line_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        journal = Journal.open(tmp_path)
        journal.write({"what": "kept"})
        whole = os.write

        def half(descriptor: int, data: bytes) -> int:
            if len(data) < 20:
                raise OSError(28, "No space left on device")
            return whole(descriptor, bytes(data)[: len(data) // 2])

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(JournalUnwritable, match="No space left"):
                journal.write({"what": "lost" * 20})
        journal.write({"what": "next"})
        assert [(line["seq"], line["what"]) for line in journal.lines()] == [
            (1, "kept"),
            (2, "next"),
        ]
        journal.close()


class TestSync:
    def test_makes_what_was_written_durable(self, tmp_path: Path) -> None:
        journal = Journal.open(tmp_path)
        position = journal.write({"what": "a"})
        before = journal.is_durable
        journal.sync(position)
        assert (before, journal.is_durable) == (False, True)
        journal.close()

    def test_trusts_nothing_after_the_disk_failed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        journal = Journal.open(tmp_path)
        journal.write({"what": "a"})

        def fail(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(JournalUnwritable, match="cannot be synced"):
                journal.sync()
        with pytest.raises(JournalUnwritable, match="Restart"):
            journal.sync()
        with pytest.raises(JournalUnwritable, match="Restart"):
            journal.write({"what": "b"})
        journal.close()


def _written(folder: Path) -> Path:
    journal = Journal.open(folder)
    journal.write({"what": "first"})
    journal.write({"what": "second"})
    journal.close()
    path = folder / FILE_NAME
    assert [json.loads(line)["seq"] for line in path.read_bytes().splitlines()] == [1, 2]
    return path
