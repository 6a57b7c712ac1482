"""How long things took, for whoever follows a request through several servers."""
