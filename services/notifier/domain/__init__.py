"""What a message is, when it may go and what its outcome means; pure."""
