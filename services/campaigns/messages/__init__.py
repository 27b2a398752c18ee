"""What campaigns decides, as the contract writes it, and back."""
