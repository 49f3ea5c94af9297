"""What is vendored is what its manifest says, and no page holds what the CSP forbids."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import tallystick.web

WEB = Path(tallystick.web.__file__).parent
MANIFEST = json.loads((WEB / "static" / "vendor" / "MANIFEST.json").read_text())
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SOURCES = {path: path.read_text() for path in TEMPLATES}


class TestManifest:
    def test_names_every_vendored_file_and_no_other(self):
        vendored = {*(WEB / "static" / "vendor").rglob("*"), *(WEB / "templates/icons").iterdir()}
        held = {str(path.relative_to(WEB)) for path in vendored if path.is_file()}
        assert held - {"static/vendor/MANIFEST.json"} == {row["file"] for row in MANIFEST}

    @pytest.mark.parametrize("row", MANIFEST, ids=lambda row: row["file"])
    def test_holds_the_hash_of_each_file(self, row):
        data = (WEB / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert row["licence"]
        assert row["version"]

    def test_keeps_only_icons_that_pages_show(self):
        used = set(re.findall(r"icons/([a-z-]+)\.svg", "".join(SOURCES.values())))
        assert {path.stem for path in (WEB / "templates" / "icons").glob("*.svg")} == used


class TestTemplates:
    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
    def test_hold_no_inline_script_style_or_handler(self, path):
        text = SOURCES[path]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
    def test_ask_no_other_place_for_anything(self, path):
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", SOURCES[path])
