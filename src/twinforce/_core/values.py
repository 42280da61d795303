"""Value classes of which each request makes dozens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    # Frozen for the type checkers, which look at all code that has one in its hands. To enforce it
    # when the program runs would make each three times as slow to construct.
    value = partial(attrs.define, unsafe_hash=True)

__all__ = ["value"]
