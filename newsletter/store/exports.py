"""What an export asks of the database before it begins."""

from sqlalchemy import ColumnElement, Connection, func, select, true

from newsletter.store.tables import subscribers

__all__ = ["attribute_names"]


def attribute_names(connection: Connection, condition: ColumnElement[bool]) -> list[str]:
    """Return the names of the custom fields that subscribers really have, sorted. Reads all of them."""
    keys = func.jsonb_object_keys if connection.dialect.name == "postgresql" else func.json_each
    each = keys(subscribers.c.attributes).table_valued("key")
    if connection.dialect.name == "postgresql":
        each = each.render_derived()  # the column gets its name from here
    query = select(each.c.key).select_from(subscribers.join(each, true()))
    return sorted(connection.scalars(query.where(condition).distinct()))
