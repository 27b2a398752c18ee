"""HTTP in, gRPC out: the REST API, the public links and the web pages; it owns no data."""
