"""What leads does by itself."""
