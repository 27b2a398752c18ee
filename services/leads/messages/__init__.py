"""What goes over the wire and what the domain knows, each turned into the other."""
