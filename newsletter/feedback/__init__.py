"""What comes back: events of the provider, and mails that ask to leave."""
