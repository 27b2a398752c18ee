"""The gRPC edge: decode, one use case in one transaction, encode."""
