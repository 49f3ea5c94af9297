"""`tallystick people promote`, as a person at a terminal runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def promote(site, database):
    """Run the command and return how it ended."""

    def run(email: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "people", "promote", email],
            env={**os.environ, **database.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    return run


class TestPromoteCommand:
    def test_says_what_it_did_and_may_be_repeated(self, sign_up, promote):
        sign_up()
        house = "\nThe house: http://127.0.0.1:8123"
        told = f"amina@example.org is an operator now.{house}"
        assert promote("amina@example.org") == (0, told, "")
        assert (
            promote("amina@example.org")[1] == f"amina@example.org is an operator already.{house}"
        )

    def test_refuses_a_stranger_in_a_sentence(self, promote):
        code, said, refused = promote("nobody@example.org")
        assert (code, said) == (1, "")
        assert refused == (
            "Nobody signs in as nobody@example.org: they have to sign up first.\n"
            "The house: http://127.0.0.1:8123"
        )
