"""The ways mail leaves: Amazon SES, the local mailbox, and memory for tests."""
