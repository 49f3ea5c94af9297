"""docs/howto/api-keys.md: its commands, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tallystick.keys import Scope

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "api-keys.md"
#: As much of curl as the page uses: not every machine that runs the tests has it.
_CURL = """
import argparse, sys, httpx
words = argparse.ArgumentParser()
words.add_argument("url")
words.add_argument("-H", action="append", default=[])
words.add_argument("-d")
given = words.parse_args()
headers = dict(one.split(": ", 1) for one in given.H)
data = given.d.encode() if given.d else None
method = "POST" if data else "GET"
answer = httpx.request(method, given.url, headers=headers, content=data)
print(answer.text)
sys.exit(0 if answer.is_success else 22)
"""


class TestPage:
    def test_shows_commands_that_work(self, house, person, tmp_path):
        page = PAGE.read_text()
        commands = "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
        (tmp_path / "curl.py").write_text(_CURL)
        for shown, here in {
            ".venv/bin/tallystick": f"{sys.executable} -m tallystick.cli",
            "curl ": f"{sys.executable} {tmp_path / 'curl.py'} ",
            "http://127.0.0.1:8123": house.url,
            "you@example.org": person.email,
            "wal_…": person.wallet,
        }.items():
            assert shown in commands
            commands = commands.replace(shown, here)
        done = subprocess.run(
            ["sh", "-e", "-u", "-c", commands],
            env={**os.environ, **house.environment},
            cwd=house.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        wallets, payment, of_nobody = (json.loads(line) for line in done.stdout.splitlines())
        assert [one["id"] for one in wallets["items"]] == [person.wallet]
        assert (payment["wallet"], payment["amount"]) == (person.wallet, 150_000)
        assert of_nobody["items"] == []

    def test_names_every_scope(self):

        told = re.findall(r"^\| `([a-z]+:[a-z]+)` \|", PAGE.read_text(), re.MULTILINE)
        assert sorted(told) == sorted(Scope)
