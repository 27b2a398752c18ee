"""Every query of the notifier, as SQL that says what it locks."""
