"""Pages for the owner's own eyes: the local mailbox."""
