"""The edge of interactions: gRPC servicers."""
