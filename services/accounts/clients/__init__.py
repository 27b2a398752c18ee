"""Whom accounts calls: the notifier, and the OpenID provider."""
