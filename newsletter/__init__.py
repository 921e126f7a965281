"""Write an issue in Markdown, send it once to each confirmed subscriber, and honour every unsubscribe.

Read ``newsletter/pipeline.py`` first: it is the whole story without the detail.
"""

__version__ = "0.1.0"
