"""Self-description: the OpenAPI document of a live schema, and the page that shows it."""
