"""Who asks, and what they may: rules as values, decisions as pure functions."""
