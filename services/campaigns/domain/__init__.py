"""What campaigns decides, without any I/O."""
