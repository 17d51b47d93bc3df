"""Habits that a reader may rely on: one clock, honest names, no broad except, no bare silencing."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.arch.tree import Source, none, product, suite

# The simulated plant is a process of its own that may see neither of the two: its entry brings the clock.
CLOCKS = ("agent/clock.py", "receiver/clock.py", "drivers/simulated/__main__.py")
BROAD = ("agent/supervisor.py",)
_TIME = re.compile(
    r"(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?|sleep|localtime|gmtime|ctime|strftime"
)
_DATETIME = frozenset(("now", "utcnow", "today"))
_TAKES_A_TIME = frozenset(("localtime", "gmtime", "ctime"))  # harmless with an argument
BANNED = re.compile(r"(manager|helper|util|common|handler)s?")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else ["?"]), *reversed(parts)])


def _aliases(source: Source) -> dict[str, str]:
    """Local name -> what it was imported as: ``from time import sleep as nap`` gives nap -> time.sleep."""
    found = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found.update({a.asname or a.name.split(".")[0]: a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            found.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    return found


def clock_reads(source: Source) -> Iterator[str]:
    """Each place that reads, or may pass on, a clock of the machine."""
    aliases = _aliases(source)
    given = {id(n.func) for n in ast.walk(source.tree) if isinstance(n, ast.Call) and n.args}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            head, _, rest = _dotted(node).partition(".")
            name = f"{aliases.get(head, '?')}.{rest}".rstrip(".")
            module, _, last = name.rpartition(".")
            reads = bool(_TIME.fullmatch(last)) and not (last in _TAKES_A_TIME and id(node) in given)
            if (module == "time" and reads) or (module.startswith("datetime") and last in _DATETIME):
                yield f"{source.at(node)} {name}"


def test_only_the_clock_modules_read_a_clock() -> None:
    none(w for s in product() if s.path not in CLOCKS for w in clock_reads(s))


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as t\nt.sleep(1)",
        "from time import monotonic\nmonotonic()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import datetime\ndatetime.datetime.now()",
        "import time\nkey = time.monotonic",
        "import time\ntime.gmtime()",
    ],
)
def test_a_clock_read_is_seen(text: str) -> None:
    assert len(list(clock_reads(Source("x.py", text, ast.parse(text), {})))) == 1


@pytest.mark.parametrize(
    "text",
    ["import time\ntime.gmtime(0)", "now = 1\nnow", "from datetime import datetime\ndatetime(1, 1, 1)"],
)
def test_a_given_time_is_no_clock_read(text: str) -> None:
    assert list(clock_reads(Source("x.py", text, ast.parse(text), {}))) == []


def _defined(source: Source) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node, node.id if isinstance(node, ast.Name) else node.attr


def banned_words(name: str) -> set[str]:
    """The banned words in one name; the common name of X.509 is called what it is called."""
    words = (w.lower() for w in _WORD.findall(name.replace("common_name", "")))
    return {w for w in words if BANNED.fullmatch(w)}


def test_names_say_what_a_thing_does() -> None:
    names = ("port_Manager", "MQTTHandler", "utility_meter")
    assert [bool(banned_words(n)) for n in names] == [True, True, False]
    wrong = [f"{s.at(n)} {name}" for s in product() for n, name in _defined(s) if banned_words(name)]
    wrong += [s.path for s in (*product(), *suite()) if banned_words(s.path)]
    none(wrong)


def _everything(node: ast.expr | None) -> bool:
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(n is None or _dotted(n) in ("Exception", "BaseException") for n in names)


def swallows_everything(node: ast.AST) -> bool:
    """A broad except, or suppress. Tidying up and raising on (a last bare ``raise``) swallows nothing."""
    if isinstance(node, ast.ExceptHandler):
        last = node.body[-1]
        return _everything(node.type) and not (isinstance(last, ast.Raise) and last.exc is None)
    if isinstance(node, ast.Call) and _dotted(node.func).endswith("suppress"):
        return any(_everything(a) for a in node.args)
    return False


def test_only_the_supervisor_catches_everything() -> None:
    caught = ((s, n) for s in product() if s.path not in BROAD for n in ast.walk(s.tree))
    none(s.at(n) for s, n in caught if swallows_everything(n))


def _silenced_badly(comment: str) -> bool:
    """noqa and type: ignore need a code and a reason: ``# noqa: S110 the file may be gone``."""
    if "noqa" in comment:
        return not re.search(r"noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*\W+\w.{2,}", comment)
    if "type: ignore" in comment:
        return not re.search(r"type: ignore\[[\w-]+(, ?[\w-]+)*\]\W+\w.{2,}", comment)
    return False


def test_each_silenced_finding_has_a_code_and_a_reason() -> None:
    bad = ("# noqa", "# noqa: S110", "# type: ignore", "# type: ignore[misc]")
    good = (
        "# noqa: S110 gone is fine",
        "# type: ignore[misc]  # paho has no types here",
        "# type: ignore[misc]  # a text",
    )
    assert [_silenced_badly(c) for c in (*bad, *good)] == [True] * len(bad) + [False] * len(good)
    found = ((s, line, c) for s in (*product(), *suite()) for line, c in s.comments.items())
    here = "tests/arch/test_habits.py"
    none(f"{s.path}:{line} {c}" for s, line, c in found if s.path != here and _silenced_badly(c))


def test_modules_say_what_they_are() -> None:
    silent = [s.path for s in product() if s.text.strip() and not (ast.get_docstring(s.tree) or "").strip()]
    silent += [
        s.path
        for s in suite()
        if s.path.startswith("tests/support/") and s.text.strip() and not ast.get_docstring(s.tree)
    ]
    none(silent)
