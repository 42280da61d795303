"""What the local org needs beyond the package itself."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("lark", "cryptography")


def require_extra() -> None:
    """Raise ImportError, with what to install, unless the extra ``local`` is installed."""
    for module in _NEEDED:
        if find_spec(module) is None:
            message = 'The local org needs an extra: pip install "twinforce[local]"'
            raise ImportError(message, name=module)
