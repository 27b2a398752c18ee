"""Every query of accounts, by noun."""
