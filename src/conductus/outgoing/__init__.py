"""How other servers are called over HTTP, and which of them may be."""
