"""What campaigns does, in the words of the business; every one inside a transaction."""
