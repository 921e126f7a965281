"""Looking at mail before and after it is sent: the mailbox viewer."""
