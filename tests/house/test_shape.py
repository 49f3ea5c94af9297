"""The shape of the house: sizes, docstrings, front doors, and arrows that are checked."""

from __future__ import annotations

import tomllib
from collections import Counter

from tests.house import checks, tree

CODE = [*tree.source(), *tree.tests()]
ROOMS = {
    tree.module_name(path): checks.public_names(tree.tree(path)) or set()
    for path in tree.source()
    if path.name == "__init__.py"
}
# The server is told its dispatcher's module by name: that module is a door of its own.
ROOMS["tallystick.web.asgi"] = {"application"}


class TestSizes:
    def test_keep_source_files_below_the_limit(self) -> None:
        limit = checks.SOURCE_LINES_MAX
        ours = [*tree.source(), *tree.scripts()]
        found = {path: checks.long_file(tree.text(path), limit) for path in ours}
        assert tree.report(found) == ""

    def test_keep_test_files_below_the_limit(self) -> None:
        limit = checks.TEST_LINES_MAX
        found = {path: checks.long_file(tree.text(path), limit) for path in tree.tests()}
        assert tree.report(found) == ""

    def test_keep_functions_below_the_limit(self) -> None:
        ours = [*CODE, *tree.scripts()]
        found = {path: checks.long_functions(tree.tree(path)) for path in ours}
        assert tree.report(found) == ""

    def test_keep_rooms_small(self) -> None:
        modules = Counter(path.parent for path in tree.source() if path.name != "__init__.py")
        crowded = {
            tree.show(folder): count
            for folder, count in modules.items()
            # The command line has one file a command: it grows with the commands.
            if count > checks.ROOM_MODULES_MAX and folder.name != "cli"
        }
        assert not crowded


class TestModules:
    def test_say_what_they_are_for(self) -> None:
        found = {path: checks.module_docstring(tree.tree(path)) for path in CODE}
        assert tree.report(found) == ""

    def test_postpone_annotations(self) -> None:
        found = {path: checks.annotations_import(tree.tree(path)) for path in CODE}
        assert tree.report(found) == ""

    def test_are_named_after_what_they_do(self) -> None:
        found = {path: checks.empty_name(tree.show(path)) for path in CODE}
        assert tree.report(found) == ""


class TestRooms:
    def test_have_a_front_door(self) -> None:
        doors = [
            path
            for path in tree.source()
            if path.name == "__init__.py" and path.parent.name not in {"management", "commands"}
        ]
        found = {path: checks.front_door(tree.tree(path)) for path in doors}
        assert tree.report(found) == ""

    def test_have_a_door_in_every_folder(self) -> None:
        folders = {path.parent for path in tree.source()}
        assert not [tree.show(one) for one in folders if not (one / "__init__.py").exists()]

    def test_are_entered_through_their_front_doors(self) -> None:
        found = {
            path: checks.deep_imports(
                tree.tree(path), room=tree.room(path), rooms=ROOMS, doors=ROOMS
            )
            for path in tree.source()
        }
        assert tree.report(found) == ""


class TestImportContracts:
    def test_name_every_room(self) -> None:
        """The contracts themselves run once, in bin/test: here, that no room is left out."""
        settings = tomllib.loads(tree.text(tree.ROOT / "pyproject.toml"))["tool"]["importlinter"]
        named = str(settings["contracts"])
        rooms = {tree.room(path) for path in tree.source()} - {"__init__"}
        assert not {room for room in rooms if room not in named}

    def test_are_run_by_the_command_that_tests(self) -> None:
        told = [tree.text(path) for path in tree.files() if path.parent == tree.ROOT / "bin"]
        assert any("lint-imports" in text for text in told)
