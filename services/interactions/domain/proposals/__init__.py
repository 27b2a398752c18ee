"""Decisions about proposals: prices, states, templates, links and how they look; no I/O."""
