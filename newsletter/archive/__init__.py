"""What stands on the web: the published pictures of the issues."""
