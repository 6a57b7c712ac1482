"""Mail: templates become messages, transports take them away."""
