"""Benchmarks: this library, its peers and the bare HTTP libraries at the same work."""
