"""Tells clients of changes of items as they happen, as far as each may see them."""
