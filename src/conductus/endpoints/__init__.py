"""One module per section of the API reference; thin: parse, ask, wrap."""
