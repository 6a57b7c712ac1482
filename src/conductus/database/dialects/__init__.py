"""One module of facts per database."""
