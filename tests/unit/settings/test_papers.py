"""Papers: complete, true to the fields, and the same as what is kept in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from tallystick.settings import Settings, load_settings
from tallystick.settings.papers import PAPERS, example_file, is_secret, reference_page

ROOT = Path(__file__).parents[3]


class TestPapers:
    @pytest.mark.parametrize("path", list(PAPERS), ids=str)
    def test_are_kept_up_to_date(self, path: Path) -> None:
        kept = (ROOT / path).read_text(encoding="utf-8")
        assert kept == PAPERS[path](), "run: tallystick env docs --write"

    @pytest.mark.parametrize("name", list(Settings.model_fields))
    def test_tell_all_of_each_setting(self, name: str) -> None:
        variable, note = f"TALLYSTICK_{name.upper()}", Settings.notes()[name]
        assert note.text.endswith(".")
        assert len(note.text) >= 15
        assert f"\n# {variable}=" in example_file()
        section = reference_page().split(f"### `{variable}`", 1)[1].split("\n### ", 1)[0]
        for word in (note.text, "- Needed: ", "- Value: ", "- Default: ", "- Example: "):
            assert word in section
        assert (f"- Where to get it: {note.where}" in section) == bool(note.where)

    @pytest.mark.parametrize("name", list(Settings.model_fields))
    def test_say_where_to_get_what_nobody_can_choose(self, name: str) -> None:
        note, info = Settings.notes()[name], Settings.model_fields[name]
        assert note.where or not is_secret(info)

    def test_show_no_default_secret(self) -> None:
        default = Settings.model_fields["secret_key"].default.get_secret_value()
        assert default not in example_file() + reference_page()

    def test_change_nothing_while_the_example_is_copied_as_it_is(self, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        file.write_text(example_file(), encoding="utf-8")
        with file.open(encoding="utf-8") as stream:
            assert not [one.key for one in parse_stream(stream) if one.key or one.error]

    def test_give_examples_that_can_be_set(self, tmp_path: Path) -> None:
        lines = [
            line.removeprefix("# ")
            for line in example_file().splitlines()
            if line.startswith("# TALLYSTICK_") and "=" in line
        ]
        assert len(lines) == len(Settings.model_fields)
        file = tmp_path / ".env"
        file.write_text("\n".join([*lines, "TALLYSTICK_ENV=development"]), encoding="utf-8")
        settings = load_settings({}, env_file=file)
        assert settings.mail_from == "Tallystick <no-reply@example.org>"
