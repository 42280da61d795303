"""What these judges need is installed by nox sessions of their own."""

from __future__ import annotations

import os

# `nox -s recordings` downloads the recordings and says where they are.
collect_ignore = [] if "TWINFORCE_RECORDINGS" in os.environ else ["test_recordings.py"]
