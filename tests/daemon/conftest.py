"""Daemons as real processes, on both databases."""

from tests.databases import database_url, engine, postgres_server

__all__ = ["database_url", "engine", "postgres_server"]
