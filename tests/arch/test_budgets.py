"""Size budgets of the product code. A budget is a prompt to think: an exception carries one line
``# budget: reason`` (module: in the first 40 lines; function or class: on its first lines or just above)."""

import ast
from collections.abc import Iterator

from tests.arch.tree import FUNCTION, Source, functions, none, product

MODULE_LINES = 300
FUNCTION_LINES = 40
FUNCTION_LINES_HARD = 60
PARAMETERS = 5
PUBLIC_METHODS = 12
NESTING = 3
TABLE_LINES = 8  # a top-level literal of more lines than this is a table and does not count
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def _span(node: ast.stmt | ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _tables(source: Source) -> int:
    """Lines taken by top-level assignments whose value is one long literal or call."""
    assigned = (n for n in source.tree.body if isinstance(n, ast.Assign | ast.AnnAssign))
    return sum(_span(n) for n in assigned if _span(n) > TABLE_LINES)


def _doc_lines(node: FUNCTION) -> int:
    return _span(node.body[0]) if ast.get_docstring(node, clean=False) is not None else 0


def _excused(source: Source, node: FUNCTION | ast.ClassDef) -> bool:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return source.excused(first - 1, node.body[0].lineno)


def _parameters(node: FUNCTION) -> int:
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _depth(statements: list[ast.stmt]) -> int:
    """Deepest block; an ``elif`` is as deep as its ``if``; an inner function starts anew."""
    return max((_depth_of(s) for s in statements), default=0)


def _depth_of(node: ast.stmt) -> int:
    if not isinstance(node, _BLOCKS):
        return 0
    if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        return max(1 + _depth(node.body), _depth_of(node.orelse[0]))
    return 1 + max(_depth(list(body)) for body in _bodies(node))


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def test_modules_are_short() -> None:
    long = {s.path: n for s in product() if (n := len(s.text.splitlines()) - _tables(s)) > MODULE_LINES}
    none(f"{p}: {n} lines" for p, n in long.items() if not _module_excused(p))


def _module_excused(path: str) -> bool:
    return next(s for s in product() if s.path == path).excused(1, 40)


def test_functions_are_short() -> None:
    wrong = []
    for source in product():
        for name, node in functions(source):
            lines = _span(node) - _doc_lines(node)
            if lines > (FUNCTION_LINES_HARD if _excused(source, node) else FUNCTION_LINES):
                wrong.append(f"{source.at(node)} {name}: {lines} lines")
    none(wrong)


def test_functions_take_few_parameters() -> None:
    found = ((s, name, node) for s in product() for name, node in functions(s))
    wrong = [
        f"{s.at(n)} {name}: {_parameters(n)}"
        for s, name, n in found
        if _parameters(n) > PARAMETERS and not _excused(s, n)
    ]
    none(wrong)


def test_blocks_are_not_deep() -> None:
    found = ((s, name, node) for s in product() for name, node in functions(s))
    wrong = [
        f"{s.at(n)} {name}: {_depth(n.body)}"
        for s, name, n in found
        if _depth(n.body) > NESTING and not _excused(s, n)
    ]
    none(wrong)


def test_classes_have_few_public_methods() -> None:
    wrong = []
    for source in product():
        for node in (n for n in ast.walk(source.tree) if isinstance(n, ast.ClassDef)):
            public = {m.name for m in node.body if isinstance(m, FUNCTION) and not m.name.startswith("_")}
            if len(public) > PUBLIC_METHODS and not _excused(source, node):
                wrong.append(f"{source.at(node)} {node.name}: {len(public)} public methods")
    none(wrong)


def test_the_measures_themselves() -> None:
    text = "def f(self, a, *, b):\n for x in a:\n  if x:\n   pass\n  elif b:\n   with a:\n    pass\n"
    tree = ast.parse(text)
    node = tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    assert (_parameters(node), _depth(node.body), _span(node)) == (2, 3, 7)
