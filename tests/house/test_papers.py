"""The papers of the house: complete, up to date, and true."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from tests.house import checks, commands, tree

ERRORS = tree.ROOT / "docs" / "reference" / "errors.md"
METRICS = tree.ROOT / "docs" / "reference" / "metrics.md"
#: Where a statement's text is asked for from outside its own room's folder, nowhere.
STORES = [path for path in tree.files() if path.name == "store.sql"]


def codes() -> dict[str, str]:
    """Return each error code of the package with the module that raises it."""
    return {
        code: tree.show(path)
        for path in tree.source()
        for code in checks.error_codes(tree.tree(path)).values()
    }


class TestCommandsPage:
    def test_says_what_help_says(self) -> None:
        from tallystick.cli.app import build  # noqa: PLC0415 - a broken command fails this test

        assert commands.PAGE.read_text(encoding="utf-8") == commands.page(build()), (
            "run: python -m tests.house.commands"
        )


class TestErrorsPage:
    def test_names_every_code_and_no_other(self) -> None:
        documented = checks.documented_codes(tree.text(ERRORS))
        missing = {code: place for code, place in codes().items() if code not in documented}
        assert not missing
        from tallystick.web.problems import STATUS  # noqa: PLC0415 - needed here alone

        assert not set(documented) - set(codes()) - set(STATUS)

    def test_gives_the_status_that_the_door_gives(self) -> None:
        from tallystick.web.problems import STATUS  # noqa: PLC0415 - needed here alone

        documented = checks.documented_codes(tree.text(ERRORS))
        wrong = {
            code: (status, documented.get(code))
            for code, (status, _title) in STATUS.items()
            if documented.get(code) != str(status)
        }
        assert not wrong
        assert not {code for code, told in documented.items() if told != "—"} - set(STATUS)


class TestMetricsPage:
    def test_tells_of_every_metric_as_it_is_made(self) -> None:
        told = checks.documented_metrics(tree.text(METRICS))
        found = {
            path: checks.metric_breaches(checks.metrics(tree.tree(path)), told)
            for path in tree.source()
        }
        assert tree.report(found) == ""

    def test_tells_of_no_other(self) -> None:
        made = {name for path in tree.source() for name in checks.metrics(tree.tree(path))}
        assert made
        assert set(checks.documented_metrics(tree.text(METRICS))) == made

    def test_says_of_each_what_to_do(self) -> None:
        parts = tree.text(METRICS).split("\n### ")[1:]
        wanted = ("\n- Kind: ", "\n- Labels: ", "\n- Meaning: ")
        assert not [part for part in parts if not all(word in part for word in wanted)]
        assert not [part for part in parts if "wrong: " not in part and "What to do" not in part]


class TestRequirements:
    def test_hold_hashes_and_no_address(self) -> None:
        found = {
            path: checks.requirements(tree.text(path))
            for path in tree.texts(".txt", ".in")
            if path.parent == tree.ROOT / "requirements"
        }
        assert found
        assert tree.report(found) == ""


class TestVendoredFiles:
    def test_are_what_the_manifest_says(self) -> None:
        (manifest,) = tree.VENDORED.glob("MANIFEST.*")
        told = {entry["file"]: entry for entry in json.loads(tree.text(manifest))}
        icons = tree.SOURCE / "web" / "templates" / "icons"
        kept = {
            path.relative_to(tree.SOURCE / "web").as_posix(): _digest(path)
            for path in tree.files()
            if {tree.VENDORED, icons} & set(path.parents) and path != manifest
        }
        assert checks.manifest_breaches(told, kept) == []


class TestNamedSql:
    @pytest.mark.parametrize("path", STORES, ids=tree.show)
    def test_has_a_purpose_and_a_user(self, path: Path) -> None:
        room = tree.SOURCE / path.relative_to(tree.SOURCE).parts[0]
        python = [tree.text(one) for one in tree.source() if room in one.parents]
        assert not checks.named_sql(tree.text(path), python)


class TestPages:
    def test_link_to_what_is_there(self) -> None:
        found = {}
        for path in tree.texts(".md"):
            there = [
                target
                for target in checks.links(tree.text(path))
                if (path.parent / target).exists()
            ]
            found[path] = checks.dead_links(tree.text(path), there)
        assert tree.report(found) == ""

    def test_begin_with_one_title(self) -> None:
        pages = [path for path in tree.texts(".md") if tree.ROOT / "docs" in path.parents]
        assert not [
            tree.show(path)
            for path in pages
            if len(re.findall(r"^# \S", _prose(tree.text(path)), flags=re.MULTILINE)) != 1
        ]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _prose(page: str) -> str:
    """Return the page without its code blocks, where a # is a comment."""
    return re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
