"""Each test about people runs on SQLite and on PostgreSQL."""

from tests.databases import database_url, engine, postgres_server

__all__ = ["database_url", "engine", "postgres_server"]
