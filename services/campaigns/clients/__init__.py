"""What campaigns asks of others: its peers, and a process that renders."""
