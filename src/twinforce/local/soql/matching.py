"""Finding the term of a search in texts, word by word, as a search index does.

Words are runs of letters and digits, whatever their case. What is between them only parts them, so
``acme.com`` is a phrase of two words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import Any, Final

from lark import Token, Transformer

# Texts come as lists of words: a phrase is found within one text, other words in any.
Words = Sequence[Sequence[str]]
MatchFunction = Callable[[Words], bool]

_WORD: Final = re.compile(r"[^\W_]+")
_PATTERN: Final = re.compile(r"(?:[^\W_]|[*?])+")
_ESCAPED: Final = re.compile(r"\\([\s\S])")
_WILDCARDS: Final = "*?"


def words_of(text: str) -> list[str]:
    """Take *text* apart into words, in the form in which they are compared."""
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


class ToMatch(Transformer[Token, Any]):
    """From the tree of a term to a function; what holds no word at all becomes None."""

    def phrase(self, children: list[Token]) -> MatchFunction | None:
        # What is escaped stands for itself, and as it is no wildcard then, only parts words.
        text = _ESCAPED.sub(lambda match: match[1] if match[1].isalnum() else " ", children[0])
        patterns = [
            re.compile(translate(pattern))
            for found in _PATTERN.findall(_folded(text))
            if (pattern := found.lstrip(_WILDCARDS))
        ]
        if not patterns:
            return None
        count = len(patterns)

        def has_phrase(words: Sequence[str]) -> bool:
            return any(
                all(pattern.match(words[at + n]) for n, pattern in enumerate(patterns))
                for at in range(len(words) - count + 1)
            )

        return lambda texts: any(map(has_phrase, texts))

    def negation(self, children: list[MatchFunction | None]) -> MatchFunction | None:
        [negated] = children
        return None if negated is None else lambda texts: not negated(texts)

    def conjunction(self, children: list[MatchFunction | None]) -> MatchFunction | None:
        terms = [term for term in children if term is not None]
        return (lambda texts: all(term(texts) for term in terms)) if terms else None

    def disjunction(self, children: list[MatchFunction | None]) -> MatchFunction | None:
        terms = [term for term in children if term is not None]
        return (lambda texts: any(term(texts) for term in terms)) if terms else None
