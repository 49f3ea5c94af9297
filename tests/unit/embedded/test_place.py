"""Where the engines live: what their user can reach, and whose folder may be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallystick.embedded import DataUnreachable, EngineFailed, place
from tallystick.process import User

_STRANGER = User("stranger", 54_321, 54_321)


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """Give a folder that everybody can reach, whatever pytest thinks of its own."""
    for step in (tmp_path, *tmp_path.parents):
        if step.stat().st_uid == os.geteuid() and step != Path("/"):
            step.chmod(step.stat().st_mode & 0o7777 | 0o711)
    return tmp_path


class TestReaches:
    def test_says_yes_where_all_folders_above_may_be_passed(self, opened: Path) -> None:
        assert place.reaches(opened, _STRANGER)

    def test_says_no_where_one_folder_above_is_closed(self, opened: Path) -> None:
        inner = opened / "closed" / "checkout"
        inner.mkdir(parents=True)
        inner.parent.chmod(0o700)
        assert not place.reaches(inner, _STRANGER)

    def test_looks_behind_symbolic_links(self, opened: Path) -> None:
        closed = opened / "closed"
        (closed / "checkout").mkdir(parents=True)
        (opened / "link").symlink_to(closed / "checkout")
        closed.chmod(0o700)
        assert not place.reaches(opened / "link", _STRANGER)

    def test_asks_for_the_rights_of_the_owner_where_the_user_is_the_owner(
        self, opened: Path
    ) -> None:
        inner = opened / "mine"
        inner.mkdir(mode=0o700)
        status = inner.stat()
        assert place.reaches(inner, User("me", status.st_uid, status.st_gid))
        inner.chmod(0o011)
        assert not place.reaches(inner, User("me", status.st_uid, status.st_gid))

    def test_trusts_us_with_what_is_ours(self, opened: Path) -> None:
        opened.chmod(0o700)
        assert place.reaches(opened, None)


class TestElsewhere:
    def test_names_the_same_place_for_the_same_checkout(self, tmp_path: Path) -> None:
        assert place.elsewhere(tmp_path) == place.elsewhere(tmp_path / "x" / "..")
        assert place.elsewhere(tmp_path).parent == Path("/var/tmp")  # noqa: S108 - the name itself is expected

    def test_names_another_place_for_another_checkout(self, tmp_path: Path) -> None:
        assert place.elsewhere(tmp_path / "one") != place.elsewhere(tmp_path / "two")


class TestOwn:
    def test_makes_a_folder_that_is_closed_to_others(self, tmp_path: Path) -> None:
        made = place.own(tmp_path / "made", None)
        assert made.stat().st_mode & 0o777 == 0o700

    def test_takes_its_own_folder_again(self, tmp_path: Path) -> None:
        place.own(tmp_path / "made", None)
        assert place.own(tmp_path / "made", None).is_dir()

    def test_refuses_a_link_that_somebody_laid_there(self, tmp_path: Path) -> None:
        (tmp_path / "made").symlink_to(tmp_path)
        with pytest.raises(EngineFailed, match="belongs to somebody else"):
            place.own(tmp_path / "made", None)

    def test_refuses_a_folder_in_which_others_may_write(self, tmp_path: Path) -> None:
        (tmp_path / "made").mkdir()
        (tmp_path / "made").chmod(0o777)
        with pytest.raises(EngineFailed, match="others may write"):
            place.own(tmp_path / "made", None)


class TestRemove:
    def test_takes_finished_and_half_made_data_and_nothing_else(self, tmp_path: Path) -> None:
        for name in ("postgresql", "postgresql.making-1234", "logs"):
            (tmp_path / name).mkdir()
        away = place.own(place.elsewhere(tmp_path, tmp_path), None)
        place.remove(tmp_path, lasting=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["logs"]
        assert not away.exists()


class TestEnsureOwned:
    @pytest.mark.parametrize("mode", [0o755, 0o770])
    def test_refuses_data_that_others_may_use_with_the_remedy(
        self, opened: Path, mode: int
    ) -> None:
        data = opened / "postgresql"
        data.mkdir()
        data.chmod(mode)
        with pytest.raises(DataUnreachable, match=f"chmod -R go-rwx {data}"):
            place.ensure_owned(data, None)

    def test_takes_its_user_s_own_data(self, opened: Path) -> None:
        data = opened / "postgresql"
        place.ensure_owned(data, None)
        data.mkdir(mode=0o700)
        place.ensure_owned(data, None)

    def test_refuses_a_copy_that_lost_its_owner_with_the_remedy(self, opened: Path) -> None:
        data = opened / "postgresql"
        data.mkdir(mode=0o700)
        with pytest.raises(DataUnreachable, match=f"chown -R stranger: {data}"):
            place.ensure_owned(data, _STRANGER)
