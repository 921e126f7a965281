"""Looking at mail before and after it is sent: the authoring view and the mailbox viewer."""
