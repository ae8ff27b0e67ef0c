"""Prose that can be checked is: links lead somewhere, pages are found, decisions are indexed.

Each rule takes Markdown files and answers with what offends, one line each.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from caselog.main import app
from services.eng_issues.domain.rules import Rule as EngRule
from services.ops_issues.domain.rules import Rule as OpsRule
from shared.hosting.principal import Role
from shared.hosting.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
GENERATED_ELSEWHERE = {"build", "dist", "node_modules", "mutants"}

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(
    r"\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^ {4}|`|bin/)caselog ([a-z]+)", re.MULTILINE)
MENTION = re.compile(r"(?<![\w/.-])docs/[\w/.-]*\w")

RECORD = re.compile(r"(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md")
SECTIONS = ["Context", "Decision", "Consequences"]
STATUS = re.compile(
    r"^Status: (proposed|accepted|superseded by \[\d+\]\(\d{4}-[a-z0-9-]+\.md\)), \d{4}-\d\d-\d\d$",
    re.MULTILINE,
)

Rule = Callable[[list[Path]], Iterator[str]]


def is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part.startswith(".") or part in GENERATED_ELSEWHERE for part in parts)


def pages() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.md") if is_ours(path))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def prose(path: Path) -> str:
    """The text without its code, in which brackets mean something else."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """Where a page's relative links lead: the file and the anchor in it, perhaps empty."""
    for match in LINK.finditer(CODE.sub("``", prose(path))):
        target = unquote(match[1] or match[2])
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        yield ((path.parent / file).resolve() if file else path), anchor


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings get where Markdown is shown."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(path)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        twins = (f"{slug}-{n}" for n in range(1, 100) if f"{slug}-{n}" not in found)
        found.add(next(twins) if slug in found else slug)
    return found


def broken_links(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for target, anchor in links(path):
            if not target.exists():
                yield f"{name(path)}: {name(target)} does not exist"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield f"{name(path)}: {name(target)} has no heading #{anchor}"


def untitled_pages(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        if len(re.findall(r"^# ", prose(path), re.MULTILINE)) != 1:
            yield f"{name(path)} has not exactly one title"


def bad_records(paths: list[Path]) -> Iterator[str]:
    """What a decision record must be: numbered, titled, with its status and its sections."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        match = RECORD.fullmatch(path.name)
        if match is None or not text.startswith(f"# {int(match[1])}. "):
            yield f"{name(path)}: its name and its title do not begin with the same number"
        if STATUS.search(text) is None:
            yield f"{name(path)} has no status with a date"
        if re.findall(r"^## (.+)$", text, re.MULTILINE) != SECTIONS:
            yield f"{name(path)} has other sections than {', '.join(SECTIONS)}"


RULES: dict[Rule, list[Path]] = {
    broken_links: pages(),
    untitled_pages: pages(),
    bad_records: sorted(set(DECISIONS.glob("*.md")) - {DECISIONS / "README.md"}),
}


def rule_name(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_the_prose_is_in_order(rule: Rule) -> None:
    offences = list(rule(RULES[rule]))

    assert offences == []


def test_every_page_of_the_documentation_is_found_from_its_index() -> None:
    found = [DOCS / "README.md"]
    for page in found:
        inside = (target for target, _ in links(page) if target.is_relative_to(DOCS))
        found += [t for t in inside if t.suffix == ".md" and t.exists() and t not in found]

    assert sorted(DOCS.rglob("*.md")) == sorted(found)


def test_decisions_are_numbered_without_a_hole_and_indexed_in_order() -> None:
    records = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    titles = [(DECISIONS / record).read_text().partition(". ")[2] for record in records]
    index = (DECISIONS / "README.md").read_text()
    rows = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \| (.+?) \|$", index, re.MULTILINE)

    assert [int(record[:4]) for record in records] == list(range(1, len(records) + 1))
    assert [row[:3] for row in rows] == [
        (record[:4], record, title.partition("\n")[0])
        for record, title in zip(records, titles, strict=True)
    ]


@pytest.mark.parametrize("folder", ["caselog", "services", "shared"])
def test_a_page_that_code_names_exists(folder: str) -> None:
    code = [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.sql")]
    mentions = {(p, m) for p in code for m in MENTION.findall(p.read_text(encoding="utf-8"))}

    assert [f"{name(p)}: {m}" for p, m in sorted(mentions) if not (ROOT / m).exists()] == []


def test_every_rule_that_a_refusal_can_name_is_explained_to_people() -> None:
    explained = {
        rule
        for page in (DOCS / "people").glob("*.md")
        for rule in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page.read_text())
    }

    assert {*OpsRule, *EngRule} <= explained


def test_the_documentation_names_the_commands_that_there_are() -> None:
    groups = {group.name for group in app.registered_groups}
    commands = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    told = [(page, page.read_text(encoding="utf-8").split("\nNot yet:")[0]) for page in pages()]
    named = {word: name(page) for page, text in told for word in COMMAND.findall(text)}

    assert {word: page for word, page in named.items() if word not in commands | groups} == {}
    assert commands | groups <= named.keys()


def test_operators_find_every_setting_and_every_role() -> None:
    running = (DOCS / "operators" / "running.md").read_text()

    settings = [f"{PREFIX}{field}".upper() for field in ServiceSettings.model_fields]
    assert [each for each in (*settings, *Role) if f"`{each}`" not in running] == []


DATED = "Status: accepted, 2026-01-01"


def record(title: str, status: str, *sections: str) -> str:
    return "\n\n".join([f"# {title}", status, *(f"## {section}" for section in sections)])


OFFENCES: list[tuple[Rule, str, str]] = [
    (broken_links, "a.md", "# A\n\n[gone](gone.md)"),
    (broken_links, "a.md", "# A\n\n![gone](<gone.svg>)"),
    (broken_links, "a.md", "# A\n\n[gone]: gone.md"),
    (broken_links, "a.md", "# A\n\n[no such heading](#b)"),
    (untitled_pages, "a.md", "no title"),
    (untitled_pages, "a.md", "# A\n\n# B"),
    (bad_records, "0001-a.md", record("2. A", DATED, *SECTIONS)),
    (bad_records, "0001-a.md", record("1. A", "Status: yes", *SECTIONS)),
    (bad_records, "0001-a.md", record("1. A", DATED, *SECTIONS[1:])),
]


@pytest.mark.parametrize(("rule", "file", "text"), OFFENCES)
def test_an_offence_is_found(rule: Rule, file: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_text(text)

    assert len(list(rule([path]))) == 1


def test_what_is_fine_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "# A `b`, (c)!\n\n[here](#a-b-c) [there](https://example.org/x.md) `[x](gone.md)`\n\n"
        "```text\n# no title\n[x](gone.md)\n```\n"
    )

    assert [*broken_links([path]), *untitled_pages([path])] == []
