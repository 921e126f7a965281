"""``newsletter run``: everything on schedule, in one process. READ FIRST: ``running``."""
