"""What became of a campaign: the accounting identity."""
