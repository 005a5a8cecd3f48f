"""What the program imports is what it says that it needs, and nothing of what the workshop needs.

The tests' own packages are installed beside it, so an import that only they bring would go unseen.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "controllers", "presets", "scenes")
FRONT_DOOR = sorted(ROOT.glob("artflow*.py"))
# where the bundled model is made; it may want what the show does not
WORKSHOP = ROOT / "presets" / "rehearsal"


def imported(tree: ast.AST) -> Iterator[str]:
    """The full names of what a module imports anywhere when it runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for other in node.orelse:
                yield from imported(ast.Module([other], []))
        else:
            yield from imported(node)


def imports_of(file: Path) -> set[str]:
    return set(imported(ast.parse(file.read_text("utf-8"))))


def distribution(requirement: str) -> str:
    """The name a requirement begins with, as packages are compared."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_imports_are_found_wherever_they_stand() -> None:
    text = """
import os.path, yaml as y
if TYPE_CHECKING:
    import typed
else:
    import real
def f():
    try:
        from PIL.Image import open
    except ImportError:
        import other.thing
"""
    assert list(imported(ast.parse(text))) == [
        "os.path",
        "yaml",
        "real",
        "PIL.Image.open",
        "other.thing",
    ]


def test_every_import_belongs_to_a_named_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    shows = {distribution(requirement) for requirement in project["dependencies"]}
    extra = project["optional-dependencies"]["workshop"]
    workshops = shows | {distribution(requirement) for requirement in extra}
    files = [*FRONT_DOOR, *(file for each in PACKAGES for file in (ROOT / each).rglob("*.py"))]
    ours = {*PACKAGES, *(file.stem for file in FRONT_DOOR)}
    brings = metadata.packages_distributions()
    unnamed = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in {full.partition(".")[0] for full in imports_of(file)}
        if name not in ours
        and name not in sys.stdlib_module_names
        and not (workshops if WORKSHOP in file.parents else shows)
        & {distribution(each) for each in brings.get(name, ())}
    }
    assert len(files) > 50
    assert not unnamed


def test_the_front_door_does_not_lead_to_the_workshop() -> None:
    # (of the packages behind it, lint-imports knows)
    workshop = ".".join(WORKSHOP.relative_to(ROOT).parts)
    assert len(FRONT_DOOR) == 5
    assert not [
        f"{file.name}: {name}"
        for file in FRONT_DOOR
        for name in imports_of(file)
        if f"{name}.".startswith(f"{workshop}.")
    ]


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("pygame-ce>=2.5", "pygame-ce"), ("PyYAML", "pyyaml"), ("a_b<1", "a-b")],
)
def test_names_of_requirements(requirement: str, name: str) -> None:
    assert distribution(requirement) == name
