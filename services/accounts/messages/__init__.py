"""What accounts knows, as the contract writes it, and back."""
