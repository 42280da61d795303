"""SOQL: the grammar, its AST, and the compiler to SQLite."""

from __future__ import annotations
