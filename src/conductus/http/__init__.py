"""HTTP: routes, bodies, envelopes, errors. Knows HTTP, knows no SQL."""
