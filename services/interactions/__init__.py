"""What is to be done with whom, and what happened with them."""
