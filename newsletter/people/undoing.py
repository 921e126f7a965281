"""Undoing an import."""

from sqlalchemy import Engine

from newsletter.ports import Clock
from newsletter.store.undoing import Batch, Undone, undo_batch

__all__ = ["Batch", "Undone", "undo_import"]


def undo_import(engine: Engine, batch_id: int, *, clock: Clock, dry_run: bool = False) -> Undone:
    """Make the list as it was before an import, but for whoever was changed since: they are kept.

    Raises UsageError if there is no such import, it was undone before, or cannot be any more.
    """
    return undo_batch(engine, batch_id, now=clock(), dry_run=dry_run)
