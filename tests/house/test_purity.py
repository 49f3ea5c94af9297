"""What the rooms below the doors keep out: floats, the clock, dice, the environment."""

from __future__ import annotations

from pathlib import Path

from tests.house import checks, tree

MONEY = {"money", "ledger", "wallets", "payments", "providers", "chart"}
#: The doors, and the rooms that are processes of their own: what is below them is handed its time.
DOORS = (
    "web/",
    "cli/",
    "jobs/worker/",
    "ledger/writer/",
    "simulator/",
    "embedded/",
    "process.py",
    "observability/",
)
MAY_MEET_FLOAT = {"ledger/writer/": "it measures waits in seconds, and touches no amount"}
MAY_SEE_CLOCK_OR_DICE = {
    "ids.py": "it is where ids come from",
    "clock.py": "it is where the process's clock is read",
    "bootstrap.py": "it hands dice on to those who ask for them",
}
MAY_USE_ENVIRONMENT = {
    "settings/loading.py": "it is where the environment is read",
    "cli/surroundings.py": "it hands its environment on to children",
    "observability/exposition/folder.py": "it hands the folder of metrics on to children",
    "web/__init__.py": "Django reads the name of its settings there",
}
MAY_COMPARE_PLAINLY = {
    "settings/papers.py": "it looks at the kind of a setting, not at its value",
    "settings/rules.py": "it looks at the operator's own settings, once, when a process starts",
    "web/people/passwords.py": "it looks at a password that its own person is choosing",
}


def below(path: Path) -> str:
    return path.relative_to(tree.SOURCE).as_posix()


class TestMoney:
    def test_meets_no_float(self) -> None:
        found = {
            path: checks.floats(tree.tree(path))
            for path in tree.source()
            if tree.room(path) in MONEY and not below(path).startswith(tuple(MAY_MEET_FLOAT))
        }
        assert found
        assert tree.report(found) == ""


class TestEnvironment:
    def test_is_read_by_the_settings_alone(self) -> None:
        found = {
            path: checks.environment_reads(tree.tree(path))
            for path in tree.source()
            if below(path) not in MAY_USE_ENVIRONMENT
        }
        assert tree.report(found) == ""


class TestClockAndDice:
    def test_stay_above_the_doors(self) -> None:
        found = {
            path: checks.clocks_and_dice(tree.tree(path))
            for path in tree.source()
            if not below(path).startswith(DOORS) and below(path) not in MAY_SEE_CLOCK_OR_DICE
        }
        assert tree.report(found) == ""


class TestSecrets:
    def test_are_compared_in_constant_time(self) -> None:
        found = {
            path: checks.plain_compares(tree.tree(path))
            for path in tree.source()
            if below(path) not in MAY_COMPARE_PLAINLY
        }
        assert tree.report(found) == ""

    def test_of_keys_and_webhooks_are_compared_at_all(self) -> None:
        asked = {"keys/rules.py", "providers/stripe/signature.py"}
        texts = {below(path): tree.text(path) for path in tree.source()}
        assert not {name for name in asked if "compare_digest(" not in texts[name]}


class TestTests:
    def test_skip_nothing_and_mock_nothing(self) -> None:
        found = {path: checks.mocks_and_skips(tree.tree(path)) for path in tree.tests()}
        assert tree.report(found) == ""
