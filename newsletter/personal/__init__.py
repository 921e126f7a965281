"""From a CompiledIssue to one person's message: filling, MIME skeleton, bulk template."""
