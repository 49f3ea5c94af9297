"""The words of the house: the glossary's, nothing put off, no address of one machine."""

from __future__ import annotations

from tests.house import checks, tree

#: These name the banned words in order to ban them.
LAWS = {"docs/reference/glossary.md", "CONTRIBUTING.md"}


def outside_the_law() -> list[str]:
    house = tree.ROOT / "tests" / "house"
    return [
        tree.show(path)
        for path in tree.texts()
        if tree.show(path) not in LAWS and house not in path.parents
    ]


class TestWords:
    def test_are_the_glossary_s(self) -> None:
        wanted = [tree.ROOT / name for name in outside_the_law()]
        ours = [path for path in wanted if path.suffix in {".py", ".sql", ".html", ".txt", ".md"}]
        found = {
            path: checks.banned_words(tree.text(path))
            for path in ours
            if tree.ROOT / "requirements" not in path.parents
        }
        assert tree.report(found) == ""

    def test_put_nothing_off(self) -> None:
        wanted = [tree.ROOT / name for name in outside_the_law()]
        found = {path: checks.unfinished(tree.text(path)) for path in wanted}
        assert tree.report(found) == ""

    def test_give_no_address_of_a_registry_or_of_one_machine(self) -> None:
        wanted = [tree.ROOT / name for name in outside_the_law()]
        found = {path: checks.addresses(tree.text(path)) for path in wanted}
        assert tree.report(found) == ""


class TestIgnores:
    def test_have_a_reason_beside_each(self) -> None:
        assert not checks.ruff_ignores(tree.text(tree.ROOT / "pyproject.toml"))

    def test_have_a_reason_on_the_line(self) -> None:
        found = {path: checks.silent_ignores(tree.text(path)) for path in tree.source()}
        assert tree.report(found) == ""
