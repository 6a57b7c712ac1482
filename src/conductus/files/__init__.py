"""Files: where their contents are, what is known of them, how they come in and go out."""
