"""Every query of interactions, by noun."""
