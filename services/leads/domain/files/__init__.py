"""Files that people bring: what they are, what their columns mean, and what a row says."""
