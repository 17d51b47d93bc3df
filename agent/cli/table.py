"""Plain tables: ASCII, aligned by terminal cells, at most 80 columns wide where the content allows."""

from __future__ import annotations

from collections.abc import Sequence

from wcwidth import wcswidth

WIDTH = 80  # cells: the terminals of technicians (UX)


def cells(text: str) -> int:
    """Width of a text on a terminal, in cells; control characters count as none."""
    return max(0, wcswidth(text))


def pad(text: str, width: int, right: bool = False) -> str:
    """Fill up with blanks to so many cells."""
    gap = " " * max(0, width - cells(text))
    return gap + text if right else text + gap


def wrap(text: str, indent: int, width: int = WIDTH) -> str:
    """Break a line at blanks so that no part is wider than ``width`` cells; later parts are indented, the
    first keeps its own blanks. A word wider than a line (a key, a path) is left whole, so that it can be
    copied."""
    words = text.lstrip(" ")
    lines, line = [], " " * (len(text) - len(words))
    for word in words.split(" "):
        if line.strip() and cells(line) + 1 + cells(word) > width:
            lines.append(line.rstrip())
            line = " " * indent + word
        else:
            line = f"{line} {word}" if line.strip() else line + word
    return "\n".join([*lines, line.rstrip()])


def folded(text: str, width: int = WIDTH) -> list[str]:
    """Free text in lines of at most so many cells: broken at blanks, and where there are none, as in Chinese,
    between characters."""
    lines = []
    for line in wrap(text, 0, width).split("\n"):
        start = 0
        for at in range(len(line)):
            if cells(line[start : at + 1]) > width:
                lines.append(line[start:at])
                start = at
        lines.append(line[start:])
    return lines


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines of a table; the columns of ``right`` are set flush right."""
    widths = [max(cells(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return [
        "  ".join(pad(cell, widths[i], i in right) for i, cell in enumerate(row)).rstrip()
        for row in (head, *rows)
    ]
