"""Words of messages: those of pydantic made like all others, and the known name that a misspelt one resembles."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"^Value error, ", ""),
        (r"^Field required$", "is missing"),
        (r"^Extra inputs are not permitted$", "unknown key"),
        (r"^Input should be greater than or equal to ", "must be at least "),
        (r"^Input should be less than or equal to ", "must be at most "),
        (r"^Input should be greater than ", "must be more than "),
        (r"^Input should be less than ", "must be less than "),
        (r"^Input should be a valid integer.*", "must be a whole number"),
        (r"^Input should be a valid number.*", "must be a number"),
        (r"^Input should be a finite number$", "must be a finite number"),
        (r"^Input should be a valid boolean.*", "must be true or false"),
        (r"^Input should be a valid string$", "must be text"),
        (r"^Input should be a valid (list|array|tuple).*", "must be a list"),
        (r"^Input should be (a valid|an) (dictionary|object).*", "must be keys with values"),
        (r"^\w+ should have (at least|at most) (\d+) .*", r"needs \1 \2"),
        (r"^(Input|String) should ", "must "),
    )
)


def in_plain_words(message: str) -> str:
    """A message of pydantic as the rest of a sentence that begins with the name of the key; other messages are unchanged."""
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    return message


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: "; did you mean batch_size?", or "" if nothing known is like it.

    Of names with dots, such as `generator.filters`, one that ends alike is taken where none is close.
    """
    names, last = list(known), word.rpartition(".")[2]
    near = get_close_matches(word, names, 1) or [name for name in names if name.rpartition(".")[2] == last][:1]
    return f"; did you mean {near[0]}?" if near else ""
