"""What is asked for, as values, and the parsers that make it from text. Pure."""
