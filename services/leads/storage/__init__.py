"""Every query of leads, in named functions that say what they lock."""
