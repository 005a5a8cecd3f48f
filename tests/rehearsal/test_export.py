from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from presets.rehearsal import export
from presets.rehearsal.captions import END, TOKENS, UNKNOWN, tokens, vocabulary, words_of
from presets.rehearsal.training import MODEL

KNOWN = vocabulary()
# letters of which every Unicode version says the same
LETTERS = st.characters(max_codepoint=0x17F, exclude_characters="İ")
TEXTS = st.lists(
    st.sampled_from([*list(KNOWN)[3:], "zebra", ",", "-", "_", "!", UNKNOWN]) | st.text(LETTERS)
).map(" ".join)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    export._save_tokenizer(folder, KNOWN)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_the_saved_tokenizer_reads_prompts_as_the_training_did(saved: Tokenizer, text: str) -> None:
    wanted = saved.encode(text).ids
    if len(words_of(text.replace(UNKNOWN, "x"))) <= TOKENS - 2:
        assert tokens(text, KNOWN) == wanted + [KNOWN[END]] * (TOKENS - len(wanted))


def test_the_shipped_model_names_no_place_of_the_machine_that_made_it() -> None:
    configs = sorted(MODEL.rglob("*.json"))
    assert len(configs) > 5
    for config in configs:
        assert "_name_or_path" not in json.loads(config.read_text()), config.name
