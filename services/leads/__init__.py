"""Contacts, consents, segments and audiences: who the organisation talks to."""
