from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import artflow
from engine.yaml_file import read_yaml
from scenes.scene_file import read_scene
from scenes.scene_keys import SCENE_KEYS, SETLIST_KEYS
from scenes.schema import as_json, key_table, scene_schema
from scenes.setlist import SUFFIX, read_set_list
from scenes.shelf import BUNDLED

DOCS = Path(__file__).parents[2] / "docs"
TABLE = artflow.Session().table()
VALIDATOR = jsonschema.Draft202012Validator(scene_schema(TABLE))
SCENES = sorted(path for path in BUNDLED.iterdir() if not path.name.endswith(SUFFIX))
SET_LISTS = sorted(BUNDLED.glob(f"*{SUFFIX}"))


def test_the_schema_is_a_schema_and_the_file_is_current() -> None:
    jsonschema.Draft202012Validator.check_schema(scene_schema(TABLE))
    written = (DOCS / "scene.schema.json").read_text(encoding="utf-8")
    assert written == as_json(TABLE), "artflow scenes schema > docs/scene.schema.json"


def test_the_document_has_every_key() -> None:
    text = (DOCS / "SCENES.md").read_text(encoding="utf-8")
    assert key_table(SCENE_KEYS) in text
    assert key_table(SETLIST_KEYS) in text


@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_bundled_scenes_are_valid(path: Path, tmp_path: Path) -> None:
    known = artflow.Session().known(tmp_path, ())
    scene, problems = read_scene(path, known)
    assert problems == []
    assert scene is not None
    assert scene.description
    assert scene.next is None or (BUNDLED / f"{scene.next}.yaml").exists()
    assert [error.message for error in VALIDATOR.iter_errors(read_yaml(path).value)] == []


def test_there_are_looks_for_both_models_and_each_is_another(tmp_path: Path) -> None:
    known = artflow.Session().known(tmp_path, ())
    read = [read_scene(path, known)[0] for path in SCENES]
    found = [scene for scene in read if scene is not None]
    turbo = [scene for scene in found if scene.name.startswith("turbo-")]
    assert len(turbo) >= 8
    assert len(found) - len(turbo) >= 8
    for name in ("prompt/a", "paint/strength", "output/saturation"):
        assert all(name in scene.set for scene in found)
    assert len({scene.set["prompt/a"] for scene in found}) == len(found)
    # whatever was before, the look is the same: what one moves, the others put back
    touched = {"output/brightness", "output/contrast", "output/smooth", "feedback/amount"}
    assert all(touched <= scene.set.keys() for scene in found)
    assert all(scene.presets is not None and scene.mods is not None for scene in found)
    bent = {"feedback/zoom", "feedback/rotate", "feedback/hue"}
    assert all(bent <= scene.set.keys() for scene in found if scene.set["feedback/amount"])


@pytest.mark.parametrize("path", SET_LISTS, ids=lambda path: path.stem)
def test_bundled_set_lists_are_valid(path: Path) -> None:
    found, problems = read_set_list(path, [scene.stem for scene in SCENES])
    assert problems == []
    assert found is not None
    assert len(found.scenes) >= 8


@pytest.mark.parametrize(
    "text",
    [
        "speed: 3",
        "fade: -1",
        "fade: 4 beets",
        "quantize: never",
        "set: {paint/strength: 2}",
        "set: {paint/strengt: 0.5}",
        "set: {painter/fps: 3}",
        "set: {draw/color: red}",
        "presets: {neon: 3}",
        "mods: [{shape: sine}]",
        "mods: [{target: prompt/a}]",
        "mods: [{target: output/fade, shape: sinus}]",
        "after: 0",
        "next: 5",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    _, problems = read_scene(path, artflow.Session().known(tmp_path, ()))
    assert problems
    assert not VALIDATOR.is_valid(read_yaml(path).value)
    assert VALIDATOR.is_valid(json.loads('{"fade": "4 beats", "set": {"paint/strength": 1}}'))
