"""What leads knows and decides, without any I/O."""
