"""How messages reach providers: one wire a channel."""
