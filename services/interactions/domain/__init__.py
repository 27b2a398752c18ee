"""Decisions about follow-ups, notes and timelines; no I/O."""
