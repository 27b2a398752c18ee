"""What the business asks of leads, each a paragraph: load, decide, change, announce."""
