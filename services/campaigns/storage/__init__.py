"""Every query of campaigns, by noun."""
