"""Events and work between processes over JetStream: streams, the outbox relay and consumers."""
