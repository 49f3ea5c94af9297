"""The server's roles and database: a private superuser, the owner, and the application's login.

Rights on tables are the migrations' matter.
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql

from tallystick.embedded.errors import EngineFailed
from tallystick.embedded.notebook import Notebook
from tallystick.embedded.ports import LOOPBACK

__all__ = ["DATABASE", "LOGIN", "OWNER", "SUPERUSER", "ensure", "password_statement"]

DATABASE: Final = "tallystick"
SUPERUSER: Final = "tallystick_superuser"
OWNER: Final = "tallystick_owner"
LOGIN: Final = "tallystick_login"
#: The owner makes databases for tests and the group role of the application.
_RIGHTS: Final = {OWNER: "LOGIN CREATEDB CREATEROLE", LOGIN: "LOGIN"}


def ensure(notebook: Notebook, port: int) -> None:
    """Make the roles and the database where they are missing; give both roles their passwords.

    Safe to run at each start. Raises EngineFailed where the server refuses.
    """
    passwords = {OWNER: notebook.owner_password, LOGIN: notebook.login_password}
    try:
        with psycopg.connect(
            host=LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=notebook.superuser_password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        ) as conn:
            for role, password in passwords.items():
                _ensure_role(conn, role, password)
            _ensure_database(conn)
    except psycopg.Error as error:
        raise EngineFailed(f"PostgreSQL refused to make its roles: {error}") from error


def password_statement(role: str, password: str) -> str:
    """Return the statement that gives the role its password."""
    return _with_password(role, password).as_string(None)


def _ensure_role(conn: psycopg.Connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    if not conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        conn.execute(sql.SQL("CREATE ROLE {} " + _RIGHTS[role]).format(name))
    conn.execute(_with_password(role, password))


def _ensure_database(conn: psycopg.Connection) -> None:
    if not conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        made = sql.SQL("CREATE DATABASE {} OWNER {}")
        conn.execute(made.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def _with_password(role: str, password: str) -> sql.Composed:
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    return statement.format(sql.Identifier(role), sql.Literal(password))
