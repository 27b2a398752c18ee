"""Measures the whole house on one machine; `make bench` prints one table."""
