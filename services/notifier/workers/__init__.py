"""What acts on time or on claimed work."""
