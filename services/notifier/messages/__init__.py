"""Between the protos and the notifier's own types."""
