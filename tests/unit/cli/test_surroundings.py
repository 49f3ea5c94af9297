"""What `tallystick start` adds: never over what the person has set; keys are the owner's alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tallystick.cli.surroundings import (
    Keys,
    Surroundings,
    forget_keys,
    is_given,
    keep_demo_key,
    kept_demo_key,
)
from tallystick.settings import read_settings

_OWN_KEY = {"TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_mine"}


def _given(**variables: str) -> Surroundings:
    return Surroundings(read_settings(variables, env_file=None))


class TestAdd:
    def test_leaves_what_the_person_has_set(self) -> None:
        found = _given(TALLYSTICK_PORT="9000")
        found.add(port=8123, public_url="http://127.0.0.1:9000")
        assert found.added == {"TALLYSTICK_PUBLIC_URL": "http://127.0.0.1:9000"}

    def test_leaves_what_stands_in_the_person_s_file(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("TALLYSTICK_SECRET_KEY=mine\n")
        found = Surroundings(read_settings({}, env_file=tmp_path / ".env"))
        found.add(secret_key="made")
        assert is_given(found.reading, "secret_key")
        assert not found.added


class TestInsist:
    def test_wins_over_what_the_person_has_set(self) -> None:
        found = _given(TALLYSTICK_PORT="9000")
        found.insist(port=8123)
        assert found.environment()["TALLYSTICK_PORT"] == "8123"


class TestHasOwnStripe:
    @pytest.mark.parametrize(
        "variable", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_URL"]
    )
    def test_is_true_with_any_setting_of_stripe_s(self, variable: str) -> None:
        assert _given(**{f"TALLYSTICK_{variable}": "set"}).has_own_stripe

    def test_is_false_without(self) -> None:
        assert not _given(TALLYSTICK_STRIPE_SECRET_KEY="").has_own_stripe


class TestWriteForShell:
    def test_gives_a_shell_what_was_added_to_the_letter(self, tmp_path: Path) -> None:
        found = _given(**_OWN_KEY)
        found.add(mail_from="It's <me@localhost> $HOME")
        path = tmp_path / "running.env"
        found.write_for_shell(path, {"TALLYSTICK_OWNER_DATABASE_URL": "postgresql://x"})
        script = (
            f'. {path} && printf "%s|%s" "$TALLYSTICK_MAIL_FROM" "$TALLYSTICK_OWNER_DATABASE_URL"'
        )
        said = subprocess.check_output(["/bin/sh", "-c", script], text=True, env={})
        assert said == "It's <me@localhost> $HOME|postgresql://x"
        assert path.stat().st_mode & 0o777 == 0o600
        assert "sk_test_mine" not in path.read_text()


class TestKeys:
    def test_are_made_once_for_the_owner_alone(self, tmp_path: Path) -> None:
        made = Keys.of(tmp_path / "data")
        assert Keys.of(tmp_path / "data") == made
        assert (tmp_path / "data" / "keys.json").stat().st_mode & 0o777 == 0o600

    def test_look_like_what_the_settings_want(self, tmp_path: Path) -> None:
        made = Keys.of(tmp_path)
        assert made.stripe_secret_key.startswith("sk_test_simulator")
        assert made.stripe_webhook_secret.startswith("whsec_")
        assert len(made.secret_key) >= 50

    @pytest.mark.parametrize("torn", ["", "{}", "[]", '{"secret_key": "x"}'])
    def test_are_made_anew_where_their_file_is_torn(self, tmp_path: Path, torn: str) -> None:
        (tmp_path / "keys.json").write_text(torn)
        assert Keys.of(tmp_path) == Keys.of(tmp_path)

    def test_are_others_after_they_were_forgotten(self, tmp_path: Path) -> None:
        made = Keys.of(tmp_path)
        forget_keys(tmp_path)
        assert Keys.of(tmp_path) != made


class TestDemoKey:
    def test_is_kept_for_the_owner_alone(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        assert kept_demo_key(folder) is None
        for text in ("tsk_test_1", "tsk_test_2"):
            keep_demo_key(folder, text)
            assert kept_demo_key(folder) == text
        assert (folder / "demo.key").stat().st_mode & 0o777 == 0o600

    def test_is_none_where_its_file_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "demo.key").write_bytes(b"\xff")
        assert kept_demo_key(tmp_path) is None

    def test_is_forgotten_with_the_others(self, tmp_path: Path) -> None:
        keep_demo_key(tmp_path, "tsk_test_1")
        forget_keys(tmp_path)
        assert kept_demo_key(tmp_path) is None
