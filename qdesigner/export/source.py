"""Python source as text: literals that fit the line, and names that cannot break out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

LINE = 100


def width(text: str) -> int:
    """Columns a line takes: wide characters count two, as linters count them."""
    return sum(1 if character.isascii() else 2 for character in text)


def indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    """The lines moved right by ``depth`` levels; empty lines stay empty."""
    return ["    " * depth + line if line else "" for line in lines]


def quoted(text: str) -> str:
    """A string literal, in double quotes where that needs no escape (as formatters write it)."""
    plain = repr(text)
    if plain.startswith("'") and '"' not in plain and "\\'" not in plain:
        return f'"{plain[1:-1]}"'
    return plain


def in_docstring(text: str, limit: int = 80) -> str:
    """``text`` as it may stand in a triple-quoted string: one line of ``limit`` columns at most."""
    shown = text
    while width(escaped := _escape(shown)) > limit:
        shown = shown[:-2].rstrip() + "…"
    return escaped


def _escape(text: str) -> str:
    inside = repr(text)[1:-1].replace("\\'", "'")
    return inside.replace('"', '\\"')


def filled(text: str, parts: Mapping[str, str | list[str]]) -> list[str]:
    """The lines of ``text`` with its ``<<marks>>`` filled in.

    A part that is a list takes the place of the line that holds its mark alone, at the same
    depth; an empty list leaves nothing there.
    """
    lines = []
    for line in text.rstrip("\n").split("\n"):
        mark = line.strip().removeprefix("<<").removesuffix(">>")
        part = parts.get(mark)
        if isinstance(part, list) and line.strip() == f"<<{mark}>>":
            lines += indented(part, (len(line) - len(line.lstrip())) // 4)
            continue
        for name, value in parts.items():
            if isinstance(value, str):
                line = line.replace(f"<<{name}>>", value)
        lines.append(line)
    return lines


def bracketed(before: str, items: Sequence[str], after: str, room: int = LINE) -> list[str]:
    """``before`` + comma-separated items + ``after``: on one line if it fits, else one a line."""
    flat = before + ", ".join(items) + after
    if width(flat) <= room:
        return [flat]
    return [before, *(f"    {item}," for item in items), after]


def string_items(texts: Sequence[str], room: int) -> list[str]:
    """String literals for `bracketed`; one too wide for its line is joined from pieces."""
    items = []
    for text in texts:
        item = quoted(text)
        if width(item) > room:
            item = "\n        ".join(["(", *(quoted(piece) for piece in _pieces(text, room // 12))])
            item += "\n    )"
        items.append(item)
    return items


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def packed(items: Sequence[str], room: int) -> list[str]:
    """Short items with commas, as few lines as they fit on."""
    rows: list[str] = []
    for item in items:
        joined = f"{rows[-1]} {item}," if rows else ""
        if rows and width(joined) <= room:
            rows[-1] = joined
        else:
            rows.append(f"{item},")
    return rows


def wrapped(text: str, room: int) -> list[str]:
    """A text broken at its spaces into lines of ``room`` columns where that is possible, those
    after the first moved right."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if width(joined) > room and lines[-1].strip():
            lines.append(f"    {word}")
        else:
            lines[-1] = joined
    return lines
