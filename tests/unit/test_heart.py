"""The heart is a library: it loads with the base install alone, and says what else is missing."""

from __future__ import annotations

import subprocess
import sys

_BLOCK = """
import sys
class Blocked:
    names = {names!r}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
_SERVER = ("django", "ninja", "allauth", "granian", "a2wsgi", "procrastinate", "prometheus_client",
           "stripe", "redis", "httpx", "typer", "rich", "whitenoise", "csp", "zxcvbn",
           "argon2", "urllib3")  # fmt: skip
_HEART = ("money", "ledger", "chart", "wallets", "payments", "keys", "webhooks", "mail", "jobs",
          "db", "database", "settings", "ids", "health", "observability", "testing",
          "resilience")  # fmt: skip


def run(code: str) -> subprocess.CompletedProcess[str]:
    blocked = _BLOCK.format(names=set(_SERVER))
    return subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False
    )


class TestHeart:
    def test_loads_without_the_servers_packages(self):
        imports = "".join(f"import tallystick.{room}\n" for room in _HEART)
        done = run(imports + "print('loaded')")
        assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr

    def test_is_really_kept_from_them(self):
        assert run("import django").returncode != 0


class TestMain:
    def test_says_which_extra_brings_the_commands(self):
        done = run("from tallystick.cli import main; main()")
        assert done.returncode == 1
        assert done.stderr == (
            "The commands need the server's packages: pip install 'tallystick[server]'\n"
        )
