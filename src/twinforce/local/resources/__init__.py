"""What the REST API serves, but for signing in."""
