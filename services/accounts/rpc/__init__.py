"""The edge of accounts: gRPC servicers and the HTTP routes for keys and tokens."""
