"""The gRPC services of leads."""
