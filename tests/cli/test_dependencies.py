"""What the program imports is what it says that it needs.

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


def imported(tree: ast.AST) -> Iterator[str]:
    """The top names of what a module imports anywhere when it runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for other in node.orelse:
                yield from imported(ast.Module([other], []))
        else:
            yield from imported(node)


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
    assert list(imported(ast.parse(text))) == ["os", "yaml", "real", "PIL", "other"]


def test_every_import_belongs_to_a_named_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {distribution(requirement) for requirement in project["dependencies"]}
    files = [*ROOT.glob("artflow*.py"), *(f for p in PACKAGES for f in (ROOT / p).rglob("*.py"))]
    ours = {*PACKAGES, *(file.stem for file in ROOT.glob("artflow*.py"))}
    brings = metadata.packages_distributions()
    unnamed = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in imported(ast.parse(file.read_text("utf-8")))
        if name not in ours
        and name not in sys.stdlib_module_names
        and not named & {distribution(each) for each in brings.get(name, ())}
    }
    assert len(files) > 50
    assert not unnamed


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("pygame-ce>=2.5", "pygame-ce"), ("PyYAML", "pyyaml"), ("a_b<1", "a-b")],
)
def test_names_of_requirements(requirement: str, name: str) -> None:
    assert distribution(requirement) == name
