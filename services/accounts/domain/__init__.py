"""Decisions about identities, rights, keys and the audit chain; no I/O."""
