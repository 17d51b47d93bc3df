"""The tree as a whole: it names nobody's machine, its lock is whole, its data files are installed."""

import configparser
import fnmatch
import re
from collections.abc import Iterator

import pytest

from tests.arch.tree import PACKAGES, ROOT, files, none

# Places that mean the same on every Debian. Anything else is somebody's own machine.
SYSTEM = frozenset(
    ("bin", "boot", "dev", "etc", "lib", "opt", "proc", "run", "sbin", "sys", "tmp", "usr", "var")
)
# A test may invent a file system of its own, but not stand on one of these.
PEOPLE = frozenset(("home", "root", "work", "Users", "mnt", "media", "srv", "private"))
_PATH = re.compile(r"(?<![\w./~:<>{}()\]*?$%&=+'-])/([A-Za-z_][\w.-]*)((?:/[\w.*-]+)+)")
_HOSTS = re.compile(
    r"(?i)pypi\.|files\.pythonhosted|--(extra-)?index-url|--find-links|--trusted-host|https?://"
)
LEVELS = ("runtime", "test")


def _text(suffixes: tuple[str, ...] | None = None) -> Iterator[tuple[str, int, str]]:
    for path in files():
        if suffixes is None or path.suffix in suffixes:
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue  # a picture or a captured frame
            for number, line in enumerate(lines, 1):
                yield path.relative_to(ROOT).as_posix(), number, line


def foreign_paths(line: str, in_test: bool) -> list[str]:
    """Absolute paths of two or more parts that begin outside the places every Debian has."""
    found = _PATH.finditer(line)
    return [m[0] for m in found if (m[1] in PEOPLE if in_test else m[1] not in SYSTEM)]


def test_no_path_of_a_machine() -> None:
    lines = ((f"{name}:{n}", foreign_paths(line, name.startswith("tests/"))) for name, n, line in _text())
    none(f"{place} {path}" for place, paths in lines for path in paths)


def test_a_path_of_a_machine_is_seen() -> None:
    line = 'open("/' + 'home/me/x.txt") and /' + "q/y; /etc/sitebox/x, kWh/d/m, https://x.org/a/b"
    assert foreign_paths(line, in_test=False) == ["/" + "home/me/x.txt", "/" + "q/y"]
    assert foreign_paths(line, in_test=True) == ["/" + "home/me/x.txt"]


def _pins(level: str) -> dict[str, tuple[str, int]]:
    """name -> (version, number of hashes) of a lock file."""
    text = (ROOT / f"requirements/{level}.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "a line of the lock is not a pin"
    return {_plain(name): (version, hashes.count("--hash")) for name, version, hashes in found}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _wanted(level: str) -> set[str]:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    lines = ["setuptools", *setup["options"]["install_requires"].split()]
    lines += setup["options.extras_require"]["test"].split() if level == "test" else []
    return {_plain(re.split(r"[<>=!~;\[]", line)[0]) for line in lines}


@pytest.mark.parametrize("level", LEVELS)
def test_the_lock_pins_and_hashes_everything(level: str) -> None:
    pins = _pins(level)
    none(f"{name} is not pinned: ./run lock" for name in sorted(_wanted(level) - set(pins)))
    none(f"{name}=={version} has no hash" for name, (version, hashes) in pins.items() if not hashes)


def test_both_locks_pin_the_same_versions() -> None:
    runtime, test = _pins("runtime"), _pins("test")
    assert {n: v for n, (v, _) in runtime.items()} == {n: test[n][0] for n in runtime if n in test}


def test_no_index_host_is_named() -> None:
    """Where packages come from is the user's own configuration."""
    paths = [
        ROOT / "setup.cfg",
        ROOT / "pyproject.toml",
        ROOT / ".ci/run",
        *sorted((ROOT / "requirements").iterdir()),
    ]
    lines = (
        (p.name, n, x) for p in paths for n, x in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
    )
    none(f"{name}:{n} {x}" for name, n, x in lines if _HOSTS.search(x))


def test_data_files_are_installed() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    globs = {k: re.split(r"[,\s]+", v.strip()) for k, v in setup["options.package_data"].items()}
    data = [p for p in files() if p.suffix not in (".py", ".md") and p.relative_to(ROOT).parts[0] in PACKAGES]
    assert len(data) >= 10
    none(str(p.relative_to(ROOT)) for p in data if not _covered(p.relative_to(ROOT).as_posix(), globs))


def _covered(name: str, globs: dict[str, list[str]]) -> bool:
    parts = name.split("/")
    packages = [i for i in range(1, len(parts)) if (ROOT.joinpath(*parts[:i]) / "__init__.py").exists()]
    own = max(packages)  # setuptools takes a file through the innermost package that it lies in
    candidates = [(globs.get("*", []), own), *((globs.get(".".join(parts[:i]), []), i) for i in packages)]
    return any(
        fnmatch.fnmatch("/".join(parts[i:]), g) and "/".join(parts[i:]).count("/") == g.count("/")
        for patterns, i in candidates
        for g in patterns
    )
