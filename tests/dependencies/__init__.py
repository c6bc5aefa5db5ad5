"""What is known of the pinned dependencies, and whether the project can be built and installed."""
