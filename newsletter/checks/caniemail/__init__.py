"""What mail programs can show: data of caniemail.com, trimmed. README.md beside this file says whence."""
