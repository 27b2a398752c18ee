"""Sends messages: never lost, never twice, and in doubt where nobody can know."""
