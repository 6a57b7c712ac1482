"""The second specification: what Conductus does, as it can be run."""
