"""Read PDDL text into nested lists of words, a few milliseconds for a whole game."""

import re

Expression = list["str | Expression"]

# A group without inner groups is one token: nearly all of a game file is a list of such flat facts.
TOKEN = re.compile(r"\([^()]*\)|[()]|[^\s()]+")
COMMENT = re.compile(r";[^\n]*")


MAX_DEPTH = 100
"""Groups inside groups that an expression may have; ALFWorld's own have at most a dozen."""


class ExpressionError(ValueError):
    """The text is not a balanced PDDL expression."""


def read_expression(text: str) -> Expression:
    """Return the one parenthesised expression that `text` holds, comments left out, spelling kept.

    Raises:
        ExpressionError: Parentheses do not match or nest too deeply, or text stands outside of them.
    """
    if ";" in text:
        text = COMMENT.sub("", text)
    root: Expression = []
    stack = [root]
    for token in TOKEN.findall(text):
        if token == "(":
            inner: Expression = []
            stack[-1].append(inner)
            stack.append(inner)
            if len(stack) > MAX_DEPTH:
                raise ExpressionError(f"more than {MAX_DEPTH} '(' inside each other")
        elif token == ")":
            stack.pop()
            if not stack:
                raise ExpressionError("a ')' without its '('")
        elif token[0] == "(":
            stack[-1].append(split_words(token[1:-1]))
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise ExpressionError(f"{len(stack) - 1} '(' without ')'")
    if len(root) != 1 or isinstance(root[0], str):
        raise ExpressionError("expected one expression in parentheses")
    return root[0]


def split_words(text: str) -> Expression:
    """Split a flat group; '?' always begins a word, as the planner reads it."""
    return list(text.replace("?", " ?").split()) if "?" in text else list(text.split())


def read_typed_list(words: Expression) -> list[tuple[str, str]]:
    """Return (name, type) for each name of a list such as 'a b - receptacle c - object d'.

    Names without a type are of type 'object'.

    Raises:
        ExpressionError: A nested group stands in the list, or '-' has no type after it.
    """
    pairs: list[tuple[str, str]] = []
    names: list[str] = []
    iterator = iter(words)
    for word in iterator:
        if not isinstance(word, str):
            raise ExpressionError(f"expected names, got a group: {' '.join(map(str, word))[:60]}")
        if word != "-":
            names.append(word)
            continue
        kind = next(iterator, None)
        if not isinstance(kind, str):
            raise ExpressionError(f"'-' without a type after {' '.join(names)[:60]}")
        pairs += [(name, kind) for name in names]
        names = []
    return pairs + [(name, "object") for name in names]
