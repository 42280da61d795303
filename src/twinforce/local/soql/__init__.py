"""SOQL and SOSL, from text to SQL.

The way of a query: ``grammar.lark`` and ``parser`` make its ``ast``, and ``compiler`` the ``plan``
of it, with the help of ``names`` (what names stand for, and joins), ``selecting`` and ``grouping``
(what a row shows), ``conditions``, ``operands`` and ``dates`` (which rows there are),
``functions`` and ``zones``. A search is read by ``search`` and matched by ``matching``.
"""

from __future__ import annotations
