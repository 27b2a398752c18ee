"""Sandbox peers: a mail server and an SMSC that keep what they accept and show it on a page."""
