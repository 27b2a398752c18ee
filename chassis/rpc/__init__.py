"""Calls between processes: a gRPC server and channels that authenticate, bound and explain them."""
