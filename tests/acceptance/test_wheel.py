"""The wheel as a team gets it: in an empty environment, the heart alone, with no Django."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: object, folder: Path = Path("/")) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
@pytest.mark.timeout(600)
class TestWheel:
    def test_brings_the_heart_and_no_django(self, tmp_path):
        # The environment may have no pip of its own; what builds is in it.
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, folder=ROOT)
        [wheel] = tmp_path.glob("tallystick-*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        assert any(name.startswith("tallystick/web/collected/staticfiles.json") for name in names)
        assert "tallystick/ledger/store.sql" in names
        assert "tallystick/database/migrations/001_initial_schema.sql" in names

        empty = tmp_path / "empty"
        run(sys.executable, "-m", "venv", empty)
        python = empty / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel)
        installed = run(python, "-m", "pip", "list", "--format=freeze").lower()
        assert "django" not in installed
        imports = "import tallystick.ledger, tallystick.wallets, tallystick.payments, sys"
        seen = run(python, "-c", imports + "; print('django' in sys.modules)")
        assert seen == "False\n"
