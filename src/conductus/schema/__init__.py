"""What a project's data looks like: collections, fields, relations, field types. Pure."""
