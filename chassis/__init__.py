"""The closed set of parts that make a process a service; it knows no business noun."""
