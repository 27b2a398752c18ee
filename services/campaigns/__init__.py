"""Campaigns: templates, campaigns, runs, and the plan of who is to get what."""
