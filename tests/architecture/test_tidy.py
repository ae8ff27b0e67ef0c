"""The house style as a test. Each rule takes files and answers with what offends, one line each.

Import rules are in .importlinter, line rules in ruff's settings; here is what neither can say.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("caselog", "services", "shared")
FOLDERS = (*PACKAGES, "tests", "bench", "deploy")
CODE = {".py", ".sql", ".js", ".css", ".html"}

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

BANNED_MODULES = {"util", "utils", "common", "helper", "helpers", "misc"}
MARKER = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X)\b")
DOMAIN_WORD = re.compile(r"(?<![a-z])(issue|claim|review)", re.IGNORECASE)
SKIPS = {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif"}
SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep"}

# Started by name: the command, each service, and the tool that writes the schemas.
ENTRY_POINTS = re.compile(r"(^|\.)(main|__main__)$|^shared\.events\.generate$")

Rule = Callable[[list[Path]], Iterator[str]]


def files(*folders: str, suffixes: Iterable[str] = (".py",)) -> list[Path]:
    wanted = set(suffixes)
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return sorted(p for p in found if p.suffix in wanted and "__pycache__" not in p.parts)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def dotted(node: ast.AST) -> str:
    match node:
        case ast.Name(id=word):
            return word
        case ast.Attribute(value=value, attr=word):
            return f"{dotted(value)}.{word}"
        case _:
            return ""


def imported_names(module: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {"sleep": "asyncio.sleep", "aio": "asyncio"}."""
    meanings: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            meanings |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            meanings |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return meanings


def long_files(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES_MAX:
            yield f"{name(path)} has {lines} lines"


def long_functions(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    yield f"{name(path)}:{node.lineno} {node.name} has {lines} lines"


def drawers(paths: list[Path]) -> Iterator[str]:
    """A module named for nothing collects everything."""
    for path in paths:
        for part in (*Path(name(path)).parts[:-1], path.stem):
            if part in BANNED_MODULES:
                yield f"{name(path)}: {part} says nothing about what is in it"


def leftover_markers(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if MARKER.search(line):
                yield f"{name(path)}:{number} {line.strip()}"


def full_package_files(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        if path.name == "__init__.py" and path.read_bytes():
            yield f"{name(path)} is not empty"


def domain_words(paths: list[Path]) -> Iterator[str]:
    """Identifiers of the kernel that know what the events are about; prose may."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            tokens = tokenize.generate_tokens(io.StringIO(text).readline)
            words = [(t.start[0], t.string) for t in tokens if t.type == tokenize.NAME]
        else:
            lines = (re.sub("--.*", "", line) for line in text.splitlines())
            words = [(n, w) for n, line in enumerate(lines, 1) for w in re.findall(r"\w+", line)]
        for number, word in words:
            if DOMAIN_WORD.search(re.sub("(?<=[a-z])(?=[A-Z])", "_", word)):
                yield f"{name(path)}:{number} {word}"


def skipped_tests(paths: list[Path]) -> Iterator[str]:
    """A test that does not apply is deselected by a marker, never skipped out of sight."""
    for path in paths:
        module = tree(path)
        meanings = imported_names(module)
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute | ast.Name):
                word = dotted(node)
                if word in SKIPS or meanings.get(word) in SKIPS:
                    yield f"{name(path)}:{node.lineno} {word}"


def sleeping_tests(paths: list[Path]) -> Iterator[str]:
    """Tests await a signal. ``sleep(0)`` only lets others run, so it may stay."""
    for path in paths:
        module = tree(path)
        meanings = imported_names(module)
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            first, _, rest = dotted(node.func).partition(".")
            full = meanings.get(first, first) + (f".{rest}" if rest else "")
            yields_only = [a.value for a in node.args if isinstance(a, ast.Constant)] == [0]
            if full in SLEEPS and not yields_only:
                yield f"{name(path)}:{node.lineno} {full}"


def dead_modules(paths: list[Path]) -> Iterator[str]:
    """Modules that nothing imports, tests included, and that nobody starts by name."""
    mentioned: set[str] = set()
    for path in [*paths, *files("tests", "bench")]:
        for node in ast.walk(tree(path)):
            match node:
                case ast.Import(names=names):
                    mentioned |= {alias.name for alias in names}
                case ast.ImportFrom(module=str(module), names=names):
                    mentioned |= {module} | {f"{module}.{alias.name}" for alias in names}
                case ast.Constant(value=str(text)) if text.startswith(PACKAGES):
                    mentioned.add(text.partition(":")[0])  # "services.x.main:app"
                case _:
                    pass
    for path in paths:
        module = ".".join(Path(name(path)).with_suffix("").parts)
        is_ours = path.name != "__init__.py" and not ENTRY_POINTS.search(module)
        if is_ours and path.stem.isidentifier() and module not in mentioned:
            yield f"{name(path)} is imported by nothing"


def folders_without_package_file(paths: list[Path]) -> Iterator[str]:
    """Without one, import-linter does not see what is inside. Migrations are not modules."""
    for folder in sorted({path.parent for path in paths if path.stem.isidentifier()}):
        if not (folder / "__init__.py").exists():
            yield f"{name(folder)} has no __init__.py"


RULES: dict[Rule, list[Path]] = {
    long_files: files(*FOLDERS, suffixes=CODE),
    long_functions: files(*FOLDERS),
    drawers: files(*FOLDERS, suffixes=CODE),
    leftover_markers: files(*FOLDERS, suffixes={*CODE, ".md", ".sh", ".toml", ".yaml", ".yml"}),
    full_package_files: files(*PACKAGES, "tests"),
    domain_words: files("shared/eventlog", suffixes={".py", ".sql"}),
    skipped_tests: files("tests"),
    sleeping_tests: [p for p in files("tests") if "simulation" not in p.parts],  # virtual time
    dead_modules: files(*PACKAGES),
    folders_without_package_file: files(*PACKAGES),
}


def rule_name(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_the_house_is_tidy(rule: Rule) -> None:
    offences = list(rule(RULES[rule]))

    assert offences == []


OFFENCES: list[tuple[Rule, str, str]] = [
    (long_files, "a.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    (long_functions, "a.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX),
    (drawers, "utils.py", ""),
    (leftover_markers, "a.py", "# " + "X" * 3 + " later"),
    (full_package_files, "__init__.py", "from a import b"),
    (domain_words, "a.py", "def last_claim(): ..."),
    (domain_words, "a.py", "class OpenIssue: ..."),
    (domain_words, "a.sql", "create table issues ();"),
    (skipped_tests, "a.py", "import pytest\npytest.skip('not here')"),
    (skipped_tests, "a.py", "from pytest import skip\nskip('not here')"),
    (sleeping_tests, "a.py", "import asyncio\nasync def f(): await asyncio.sleep(1)"),
    (sleeping_tests, "a.py", "from time import sleep as nap\nnap(0.1)"),
    (sleeping_tests, "a.py", "import time as t\nt.sleep(0.1)"),
    (dead_modules, "nobody_wants_me.py", ""),
    (folders_without_package_file, "a.py", ""),
]


@pytest.mark.parametrize(("rule", "file", "text"), OFFENCES)
def test_an_offence_is_found(rule: Rule, file: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_text(text)

    assert len(list(rule([path]))) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (domain_words, "preview = 1  # of an issue"),
        (sleeping_tests, "import asyncio\nasync def f(): await asyncio.sleep(0)"),
        (skipped_tests, "def skip(): ...\nskip()"),
    ],
)
def test_what_is_fine_is_left_alone(rule: Rule, text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)

    assert list(rule([path])) == []
