"""Newcomers: people whom somebody else makes, and the demo's own among them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from tallystick import ids
from tallystick.database import seeds
from tallystick.web import people
from tallystick.web.people import NamesTaken

PHRASE = "lantern puddle orbit seventeen"


@dataclass(frozen=True)
class Newcomer:
    """Somebody to be made."""

    id: UUID
    email: str
    name: str = "Zawadi Mwangi"
    handle: str = "zawadi"
    is_operator: bool = False


def newcomer(email: str = "zawadi@example.org", **other: object) -> Newcomer:
    return Newcomer(ids.new(), email, **other)


class TestEnrol:
    def test_makes_people_who_can_sign_in_at_once(self, site):
        people.enrol([newcomer()], password=PHRASE)
        answer = site.browser().post(
            "/sign-in", {"login": "zawadi@example.org", "password": PHRASE}
        )
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert site.letters() == []

    def test_takes_all_of_the_demo_people_with_their_password(self, site):
        people.enrol(list(seeds.CAST.values()), password=seeds.PASSWORD)
        assert site.count("people_person") == len(seeds.CAST)
        browser = site.browser()
        form = {"login": seeds.OPERATOR.email, "password": seeds.PASSWORD}
        assert browser.post("/sign-in", form).status_code == 302

    @pytest.mark.parametrize("phrase", ["short", "zawadi zawadi zawadi"])
    def test_refuses_a_password_that_they_could_not_choose(self, site, phrase):
        with pytest.raises(ValidationError):
            people.enrol([newcomer()], password=phrase)
        assert site.count("people_person") == 0

    @pytest.mark.parametrize(
        ("second", "taken"),
        [
            (newcomer("zawadi@example.org", handle="other"), ("zawadi@example.org",)),
            (newcomer("other@example.org"), ("zawadi",)),
            (newcomer(), ("zawadi", "zawadi@example.org")),
        ],
    )
    def test_makes_nobody_where_a_name_is_taken(self, site, second, taken):
        people.enrol([newcomer()], password=PHRASE)
        with pytest.raises(NamesTaken) as refusal:
            people.enrol([newcomer("third@example.org", handle="third"), second], password=PHRASE)
        assert refusal.value.names == taken
        assert site.count("people_person") == 1
        assert not connection.in_atomic_block
