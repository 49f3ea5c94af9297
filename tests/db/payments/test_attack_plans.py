"""Plans of the payments' statements on 300,000 rows."""

from __future__ import annotations

import psycopg

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, payments


def test_no_list_reads_the_whole_table(database):
    with database.connect() as conn:
        mine = wallet(conn)
        one = factory.settled(conn, mine)
    with psycopg.connect(database.owner_url) as conn:
        conn.execute("SET session_replication_role = replica") if False else None
        cols = [
            r[0]
            for r in conn.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema='tallystick' AND table_name='payment' ORDER BY ordinal_position"
            ).fetchall()
        ]
        new = {
            "id": "gen_random_uuid()",
            "key": "'k' || n",
            "reference": "'cs_' || n",
            "collected_reference": "'pi_' || n",
        }
        picked = ", ".join(new.get(c, f"p.{c}") for c in cols)
        conn.execute(
            f"INSERT INTO tallystick.payment ({', '.join(cols)}) SELECT {picked} FROM tallystick.payment p, generate_series(1, 300000) n"
        )
        conn.execute(
            "INSERT INTO tallystick.review (id, kind, subject, payment_id, provider, question, state, opened_at, resolved_at, resolved_by, reason)"
            " SELECT gen_random_uuid(), 'dispute', 's' || n, NULL, 'stripe', 'q', 'resolved', now(), now(), 'a', 'b' FROM generate_series(1, 300000) n"
        )
        conn.commit()
        conn.execute("ANALYZE tallystick.payment")
        conn.execute("ANALYZE tallystick.review")
        conn.commit()
    slow = {}
    asked = {
        "newest of a rare state": (
            "SELECT payment.* FROM tallystick.payment WHERE (NULL::uuid IS NULL OR payment.id < NULL) AND ('review'::text IS NULL OR payment.state = 'review') ORDER BY payment.id DESC LIMIT 50"
        ),
        "open reviews": (
            "SELECT review.* FROM tallystick.review WHERE ('open'::text IS NULL OR review.state = 'open') AND (NULL::uuid IS NULL OR review.payment_id = NULL) ORDER BY review.id DESC LIMIT 50"
        ),
        "collected": (
            "SELECT payment.collected_reference, payment.id FROM tallystick.payment WHERE payment.provider = 'stripe' AND payment.collected_reference = any(ARRAY['pi_5','pi_7'])"
        ),
        "due": (
            "SELECT payment.* FROM tallystick.payment WHERE payment.look_at <= now() ORDER BY payment.look_at LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED"
        ),
        "lock": (
            f"SELECT payment.* FROM tallystick.payment WHERE payment.id = any(ARRAY['{one.id}']::uuid[]) ORDER BY payment.id FOR NO KEY UPDATE"
        ),
    }
    with database.connect() as conn:
        for name, statement in asked.items():
            plan = "\n".join(
                r[0] for r in conn.execute("EXPLAIN (ANALYZE, BUFFERS) " + statement).fetchall()
            )
            removed = [
                int(line.split(":")[1])
                for line in plan.splitlines()
                if "Rows Removed by Filter" in line
            ]
            if sum(removed) > 10_000:
                slow[name] = (sum(removed), plan.splitlines()[-1].strip())
    assert slow == {}
