"""The source tree as the architecture tests see it: files, syntax trees, comments.

Must never import product code: what is judged here is the text.

    for source in product():            # agent, drivers, buffer, config, receiver
        for node in ast.walk(source.tree): ...
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agent", "drivers", "buffer", "config", "receiver")
CODE = re.compile(r"SBX-[A-Z]{2,4}-\d{3}")
_GENERATED = re.compile(r"(^|/)(\.[a-z][\w-]*|__pycache__|build|dist|[\w.-]+\.egg-info|wheels)(/|$)")

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path below the root, text, syntax tree and comments by line."""

    path: str
    text: str
    tree: ast.Module
    comments: dict[int, str]

    def at(self, node: ast.AST) -> str:
        """``path:line`` of a node, as an editor wants it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    def excused(self, first: int, last: int) -> bool:
        """Whether a ``# budget: reason`` comment stands on one of these lines."""
        return any(re.match(r"#\s*budget: \S+ \S+", self.comments.get(n, "")) for n in range(first, last + 1))


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}


def load(path: Path) -> Source:
    """Read and parse one file."""
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text), _comments(text))


@cache
def product() -> tuple[Source, ...]:
    """Every Python file that is installed."""
    return tuple(load(p) for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py")))


@cache
def suite() -> tuple[Source, ...]:
    """Every Python file of the test suite."""
    return tuple(load(p) for p in sorted((ROOT / "tests").rglob("*.py")))


def files() -> Iterator[Path]:
    """Every text file of the tree that people write: nothing hidden but .ci, nothing generated."""
    for path in sorted(ROOT.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and (name.startswith(".ci/") or not _GENERATED.search(name)):
            yield path


def none(findings: Iterable[str]) -> None:
    """Assert that there is no finding; otherwise show each on its own line."""
    found = list(findings)
    assert not found, f"{len(found)} findings\n" + "\n".join(found)


def functions(source: Source) -> Iterator[tuple[str, FUNCTION]]:
    """Every function with its dotted name, methods and inner functions included."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, FUNCTION]]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            inner = f"{prefix}{child.name}." if isinstance(child, ast.ClassDef | FUNCTION) else prefix
            if named and isinstance(child, FUNCTION):
                yield inner[:-1], child
            yield from walk(child, inner)

    yield from walk(source.tree, "")


def docstrings(tree: ast.Module) -> frozenset[int]:
    """The ids of the constant nodes that are docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first = (n.body[0] for n in ast.walk(tree) if isinstance(n, owners) and n.body)
    return frozenset(
        id(e.value) for e in first if isinstance(e, ast.Expr) and isinstance(e.value, ast.Constant)
    )
