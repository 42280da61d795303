"""The version of this package, where both the build and the User-Agent header find it."""

from __future__ import annotations

__version__ = "0.1.0"
