"""The schema of a project as a text that can be kept beside code, compared and applied."""
