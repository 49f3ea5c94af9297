"""Letters: rows that commit with the deed, sent by a job to a real SMTP server."""

from __future__ import annotations

import smtplib
import socket
from email import message_from_bytes, policy

import psycopg
import pytest
from aiosmtpd.controller import Controller

from tallystick import db, mail
from tallystick.db import TransactionRequired
from tallystick.mail import MessageNotFound, MessageState, SmtpSender, store


class Postbox:
    """A mail server that keeps what it gets, or refuses with a reply."""

    def __init__(self):
        self.letters = []
        self.reply = "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.reply.startswith("250"):
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.reply


@pytest.fixture
def postbox():
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    url = f"smtp://127.0.0.1:{port}?tls=off"
    box.sender = SmtpSender(url, mail_from="Till <till@example.org>")
    yield box
    controller.stop()


@pytest.fixture
def queued(database, pool_of):
    pool = pool_of(database.application_url)
    with pool.transaction() as conn:
        identity = mail.queue(
            conn,
            to="wanjiku@example.org",
            subject="Karibu\r\nBcc: thief@example.org",
            text="Hello",
            html="<p>Hello</p>",
            now=db.now(conn),
        )
    return pool, identity


def send(pool, identity, sender, *, attempts_max: int = 8) -> None:
    mail.send(pool=pool, sender=sender, attempts_max=attempts_max, message_id=str(identity))


def state(pool, identity) -> MessageState:
    with pool.transaction() as conn:
        return mail.get(conn, message_id=identity).state


class TestQueue:
    def test_goes_with_the_deed_that_is_rolled_back(self, conn):
        with conn.transaction(force_rollback=True):
            mail.queue(conn, to="a@example.org", subject="x", text="y", now=db.now(conn))
        assert mail.recent(conn, to="a@example.org") == []
        count = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'mail.send'"
        assert conn.execute(count).fetchone() == (0,)

    def test_writes_nothing_outside_a_transaction(self, database):
        with psycopg.connect(database.application_url, autocommit=True) as loose:
            with pytest.raises(TransactionRequired):
                mail.queue(loose, to="a@example.org", subject="x", text="y", now=db.now(loose))
            assert mail.recent(loose) == []


class TestSend:
    def test_hands_the_letter_over_once(self, queued, postbox):
        pool, identity = queued
        for _ in range(2):
            send(pool, identity, postbox.sender)
        [letter] = postbox.letters
        assert letter["To"] == "wanjiku@example.org"
        assert letter["Subject"] == "Karibu Bcc: thief@example.org"
        assert letter["Bcc"] is None
        assert letter.get_body(("plain",)).get_content().strip() == "Hello"
        assert state(pool, identity) is MessageState.SENT

    def test_keeps_it_where_no_mail_server_is_set(self, queued):
        pool, identity = queued
        send(pool, identity, None)
        assert state(pool, identity) is MessageState.KEPT

    def test_is_tried_again_after_a_passing_refusal(self, queued, postbox):
        pool, identity = queued
        postbox.reply = "451 later"
        with pytest.raises(smtplib.SMTPResponseException):
            send(pool, identity, postbox.sender)
        assert state(pool, identity) is MessageState.PENDING
        postbox.reply = "250 OK"
        send(pool, identity, postbox.sender)
        assert state(pool, identity) is MessageState.SENT

    def test_fails_after_a_refusal_for_good(self, queued, postbox):
        pool, identity = queued
        postbox.reply = "550 no such person"
        send(pool, identity, postbox.sender)
        assert state(pool, identity) is MessageState.FAILED

    def test_is_tried_again_when_nobody_answers(self, queued):
        pool, identity = queued
        nobody = SmtpSender("smtp://127.0.0.1:9?tls=off", mail_from="x@example.org", timeout_s=1)
        with pytest.raises(OSError, match="refused"):
            send(pool, identity, nobody)
        assert state(pool, identity) is MessageState.PENDING

    def test_says_why_it_was_not_sent_and_fails_when_its_tries_are_spent(self, queued, postbox):
        pool, identity = queued
        postbox.reply = "451 later"
        for _ in range(2):
            with pytest.raises(smtplib.SMTPResponseException):
                send(pool, identity, postbox.sender, attempts_max=2)
        assert state(pool, identity) is MessageState.FAILED
        with pool.transaction() as conn:
            row = conn.execute("SELECT attempts, error FROM tallystick.mail").fetchone()
        assert row is not None
        assert (row[0], "later" in row[1]) == (2, True)

    def test_leaves_what_another_run_has_sent(self, queued):
        """Two runs of one job: the slower must not call the letter failed, or kept."""
        pool, identity = queued

        class Overtaken:
            def send(self, message):
                with pool.transaction() as conn:
                    store.run(conn, "finish", id=identity, state="sent")
                raise OSError("cut")

        with pytest.raises(OSError, match="cut"):
            send(pool, identity, Overtaken(), attempts_max=1)
        assert state(pool, identity) is MessageState.SENT


class TestGet:
    def test_raises_for_no_such_letter(self, conn, queued):
        with pytest.raises(MessageNotFound):
            mail.get(conn, message_id="00000000-0000-0000-0000-000000000000")
