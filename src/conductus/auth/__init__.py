"""Who asks: credentials, tokens, sessions, passwords, login."""
