"""A team's own Django project: the schema is made, the page's shop sells, the admin only shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from db.integrations.project import PAGE, Project, write_project
from factories.wallets import wallet

SALES = ["KES 70.00", "KES 40.00", "KES 10.00", "not enough money"]
#: What staff sees of each table, and what becomes of every attempt to write.
_WALK = """
import json
from django.contrib.auth.models import Permission, User
from django.test import Client
from tallystick.integrations.django.models import Account, Posting, Transfer, Wallet
User.objects.all().delete()
boss = User.objects.create_superuser("boss", password="x")
staff = User.objects.create_user("staff", password="x", is_staff=True)
clerk = User.objects.create_user("clerk", password="x", is_staff=True)
clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="tallystick"))
said = {"permissions": sorted(Permission.objects.filter(
    content_type__app_label="tallystick").values_list("codename", flat=True))}
for name, person in {"boss": boss, "clerk": clerk, "staff": staff}.items():
    browser = Client()
    browser.force_login(person)
    for model in (Account, Posting, Transfer, Wallet):
        path = f"/admin/tallystick/{model.__name__.lower()}/"
        one = model.objects.first().pk
        said[f"{name} {model.__name__}"] = [
            browser.get(path).status_code,
            browser.get(f"{path}{one}/change/").status_code,
            browser.post(f"{path}{one}/change/", {}).status_code,
            browser.get(f"{path}add/").status_code,
            browser.post(f"{path}{one}/delete/", {"post": "yes"}).status_code,
            browser.post(path, {"action": "delete_selected", "_selected_action": one}).status_code,
        ]
browser = Client()
browser.force_login(clerk)
said["accounts"] = browser.get("/admin/tallystick/account/").content.decode()
said["wallets"] = browser.get("/admin/tallystick/wallet/?q=person:amina").content.decode()
said["part"] = browser.get("/admin/tallystick/wallet/?q=amina").content.decode()
said["transfers"] = browser.get("/admin/tallystick/transfer/").content.decode()
print(json.dumps(said))
"""
_WRITES = """
import asyncio
from tallystick.integrations.django.errors import BooksReadOnly
from tallystick.integrations.django.models import Account
one = Account.objects.first()
refused = 0
for write in (
    one.save, one.delete, one.save_base, Account.objects.all().delete, Account.objects.create,
    lambda: Account.objects.update(balance=0), lambda: Account.objects.bulk_create([one]),
    lambda: Account.objects.bulk_update([one], ["balance"]),
    lambda: Account.objects.get_or_create(path="x"), lambda: one.debits.all().delete(),
    lambda: one.debits.update(amount=1), lambda: asyncio.run(one.asave()),
    lambda: asyncio.run(Account.objects.aupdate(balance=0)),
):
    try:
        write()
    except BooksReadOnly:
        refused += 1
print(refused)
"""


@pytest.fixture(scope="module")
def project(empty_database, tmp_path_factory) -> Project:
    """Give the page's project, brought up by the page's commands."""
    made = write_project(tmp_path_factory.mktemp("team"), empty_database)
    commands = re.findall(r"^\$ python manage.py (.+)$", PAGE.read_text(), re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["migrate_tallystick", "migrate"]
    [first, second] = [made.django(*command.split()) for command in commands]
    assert first.returncode == 0, first.stderr
    assert "may use it" in first.stdout
    # The page's shop has no migrations of its own: its table is made as for any new app.
    assert second.returncode == 0, second.stderr
    done = made.django("migrate", "--database", "owner", "--run-syncdb")
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def books(project, empty_database):
    """Give the database, with KES 100.00 in Amina's wallet when the shop opened."""
    with empty_database.connect() as conn:
        wallet(conn, minor=10_000, owner="person:amina")
    answers = "from shop.sales import sell_one\nprint([sell_one() for _ in range(4)])"
    assert project.python(answers).strip() == str(SALES)
    return empty_database


@pytest.fixture(scope="module")
def said(project, books) -> dict[str, Any]:
    """Give what the admin said to a superuser, to a clerk who may look, and to other staff."""
    return json.loads(project.python(_WALK))


class TestPage:
    def test_sells_as_it_says(self, books):
        told = re.findall(r"`(KES [0-9.]+|not enough money)`", PAGE.read_text())
        assert told == SALES
        assert books.scalar("SELECT count(*) FROM shop_order") == 3


class TestMigrateTallystick:
    def test_does_nothing_twice(self, project):
        done = project.django("migrate_tallystick", "--database", "owner")
        assert done.returncode == 0
        assert "nothing to apply" in done.stdout

    def test_is_left_alone_by_django_s_own_migrations(self, project):
        done = project.django("makemigrations", "--check", "--dry-run")
        assert (done.returncode, done.stderr) == (0, "")
        assert project.django("check").returncode == 0

    def test_says_why_it_cannot(self, project):
        done = project.django("migrate_tallystick", "--database", "nobody")
        assert done.returncode == 1
        assert done.stderr.strip() == "CommandError: DATABASES has no 'nobody'."

    def test_needs_the_owner(self, project):
        done = project.django("migrate_tallystick", "--database", "default")
        assert done.returncode == 1
        assert done.stderr.startswith("CommandError: Not migrated: permission denied")


class TestAdmin:
    @pytest.mark.parametrize("model", ["Account", "Posting", "Transfer", "Wallet"])
    @pytest.mark.parametrize("person", ["boss", "clerk"])
    def test_shows_and_refuses_every_write(self, said, person, model):
        assert said[f"{person} {model}"][:2] == [200, 200]
        assert said[f"{person} {model}"][2:5] == [403, 403, 403]
        assert said[f"{person} {model}"][5] in {200, 302, 403}

    @pytest.mark.parametrize("model", ["Account", "Posting", "Transfer", "Wallet"])
    def test_shows_nothing_without_the_permission(self, said, model):
        assert set(said[f"staff {model}"]) == {403}

    def test_knows_one_permission_a_table(self, said):
        assert said["permissions"] == [
            "view_account",
            "view_posting",
            "view_transfer",
            "view_wallet",
        ]

    def test_changes_no_row(self, said, books):
        counted = "SELECT count(*) FROM tallystick.transfer"
        assert (books.scalar(counted), books.scalar("SELECT count(*) FROM tallystick.wallet")) == (
            4,
            2,
        )

    def test_shows_money_in_major_units(self, said):
        assert "KES 10.00" in said["accounts"]
        assert "KES 10.00" in said["wallets"]
        assert "KES 30.00" in said["transfers"]

    def test_finds_a_whole_name_and_no_part(self, said):
        assert "KES 10.00" in said["wallets"]
        assert "KES 10.00" not in said["part"]


class TestModels:
    def test_refuse_every_write(self, project, books):
        assert project.python(_WRITES).strip() == "13"
