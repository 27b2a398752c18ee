"""The whole system on one machine: embedded parts, sandbox peers, set-up and supervision."""
