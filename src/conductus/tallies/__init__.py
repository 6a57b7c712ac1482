"""Counting how often somebody does something: in a worker, in all of them, on all servers."""
