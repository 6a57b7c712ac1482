"""What happened, counted for whoever watches: Prometheus."""
