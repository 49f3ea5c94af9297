"""schema.sql is what the migrations add up to; everything of ours is commented and guarded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import psycopg
import pytest
from psycopg import sql

CATALOGUE = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), coalesce(l.collname, '')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        LEFT JOIN pg_collation l ON l.oid = a.attcollation
        WHERE c.relnamespace = 'tallystick'::regnamespace AND a.attnum > 0
          AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'tallystick'::regnamespace AND contype <> 'n'""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'tallystick'""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE c.relnamespace = 'tallystick'::regnamespace AND NOT tgisinternal""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid), proacl::text
        FROM pg_proc WHERE pronamespace = 'tallystick'::regnamespace""",
    "views": """
        SELECT viewname, definition FROM pg_views WHERE schemaname = 'tallystick'""",
    "grants": """
        SELECT c.relname, g.grantee::regrole::text, g.privilege_type
        FROM pg_class c, aclexplode(c.relacl) g
        WHERE c.relnamespace = 'tallystick'::regnamespace AND g.grantee <> c.relowner""",
    "column grants": """
        SELECT c.relname, a.attname, g.grantee::regrole::text, g.privilege_type
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) g
        WHERE c.relnamespace = 'tallystick'::regnamespace""",
    "default grants": """
        SELECT defaclobjtype::text, g.grantee::regrole::text, g.privilege_type
        FROM pg_default_acl d, aclexplode(d.defaclacl) g WHERE g.grantee <> d.defaclrole""",
    "comments": """
        SELECT c.relname, d.objsubid, d.description
        FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
        WHERE c.relnamespace = 'tallystick'::regnamespace AND d.classoid = 'pg_class'::regclass""",
    "options": """
        SELECT relname, relkind::text, reloptions::text, relpersistence::text
        FROM pg_class WHERE relnamespace = 'tallystick'::regnamespace""",
}


@pytest.fixture
def owner(database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def from_schema(cluster, database) -> Iterator[psycopg.Connection]:
    """A database that schema.sql alone has made."""
    name = f"{database.name}_schema"
    url = psycopg.conninfo.make_conninfo(cluster.owner_url, dbname=name)
    with psycopg.connect(cluster.owner_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(url, autocommit=True) as conn:
                folder = resources.files("tallystick.database")
                conn.execute((folder / "schema.sql").read_text().encode())
                conn.execute("SELECT tallystick.make_transfer_partitions(3)")
                # `migrate` opens the test clock in development; the schema keeps it shut.
                conn.execute(
                    "GRANT INSERT, UPDATE ON tallystick.test_clock TO tallystick_application"
                )
                yield conn
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            admin.execute(drop)


def catalogue(conn: psycopg.Connection, part: str) -> list[tuple[object, ...]]:
    with conn.transaction():
        conn.execute("SET LOCAL search_path = pg_catalog")
        return sorted(conn.execute(CATALOGUE[part].encode()).fetchall(), key=repr)


class TestSchema:
    @pytest.mark.parametrize("part", sorted(CATALOGUE))
    def test_equals_the_migrations(self, owner, from_schema, part):
        ours = catalogue(from_schema, part)
        assert ours, f"the catalogue shows no {part}"
        assert ours == catalogue(owner, part)

    def test_difference_is_seen(self, owner, from_schema):
        from_schema.execute("ALTER TABLE tallystick.wallet ADD COLUMN planted text")
        assert catalogue(from_schema, "columns") != catalogue(owner, "columns")

    def test_comments_every_table_column_and_function(self, owner):
        bare = owner.execute(
            """
            SELECT c.relname || '.' || coalesce(a.attname, '') FROM pg_class c
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind <> 'v'
            WHERE c.relnamespace = 'tallystick'::regnamespace AND c.relkind IN ('r', 'p', 'v')
              AND NOT coalesce(a.attisdropped, false)
              AND (obj_description(c.oid, 'pg_class') IS NULL
                   OR (a.attnum IS NOT NULL AND NOT c.relispartition
                       AND col_description(c.oid, a.attnum) IS NULL))
            UNION ALL
            SELECT proname FROM pg_proc WHERE pronamespace = 'tallystick'::regnamespace
              AND obj_description(oid, 'pg_proc') IS NULL
            """
        ).fetchall()
        assert bare == []


class TestApplicationRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE tallystick.transfer SET amount = 1",
            "DELETE FROM tallystick.transfer",
            "TRUNCATE tallystick.transfer",
            "UPDATE tallystick.posting SET kind = 'x'",
            "DELETE FROM tallystick.posting",
            "DELETE FROM tallystick.account",
            "DELETE FROM tallystick.payment",
            "DELETE FROM tallystick.webhook_event",
            "UPDATE tallystick.webhook_event SET body = 'x'",
            "UPDATE tallystick.payment SET amount = 1",
            "UPDATE tallystick.payment SET owner = 'person:me'",
            "UPDATE tallystick.payment SET key = 'other'",
            "UPDATE tallystick.account SET floor = NULL",
            "UPDATE tallystick.account SET path = 'x'",
            "UPDATE tallystick.account SET currency = 'USD'",
            "UPDATE tallystick.attempt SET provider_key = 'x'",
            "UPDATE tallystick.mail SET to_address = 'thief@example.org'",
            "DELETE FROM django_migrations",
            "UPDATE django_content_type SET model = 'x'",
            "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('x', 1, 'x')",
            "INSERT INTO tallystick.migration (number, name, sha256) VALUES (999, 'x', 'x')",
            "CREATE TABLE tallystick.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "DROP TABLE tallystick.note",
            "ALTER TABLE tallystick.transfer DISABLE TRIGGER ALL",
        ],
    )
    def test_may_not(self, conn, statement):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
            conn.execute(statement)

    @pytest.mark.parametrize("table", ["people_person", "django_session", "procrastinate_jobs"])
    def test_reads_and_writes_the_tables_of_others(self, conn, table):
        may = conn.execute(
            "SELECT has_table_privilege(%s, 'SELECT, INSERT, UPDATE, DELETE')", (table,)
        ).fetchone()
        assert may == (True,)


class TestImmutability:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE tallystick.posting SET kind = 'other'",
            "DELETE FROM tallystick.posting",
            "TRUNCATE tallystick.posting",
            "TRUNCATE tallystick.transfer",
            "TRUNCATE tallystick.transfer_outside_months",
        ],
    )
    def test_holds_against_the_owner(self, owner, statement):
        owner.execute(
            "INSERT INTO tallystick.posting (id, kind, actor, request_id, created_at)"
            " VALUES (gen_random_uuid(), 'test', 'test', '', now())"
        )
        with pytest.raises(psycopg.errors.RestrictViolation, match="immutable"):
            owner.execute(statement)
