"""The Python that jobs are started with."""

import subprocess

import pytest
from dermalign.errors import InputError
from dermalign.study.interpreter import check_interpreter


@pytest.mark.parametrize(
    "path", ["/opt/env-1.0/bin/python3.11", "/home/a.b@c/Läsion_+,=:%/python", "/opt/#1~[x]!/python"]
)
def test_plain_paths_are_one_word_of_a_shell(path: str) -> None:
    check_interpreter(path)
    said = subprocess.run(["bash", "-c", f"printf %s {path}"], capture_output=True, text=True, check=True)
    assert said.stdout == path


@pytest.mark.parametrize("character", list(" \t'\"\\$`&;|<>(){}"))
def test_others_are_refused(character: str) -> None:
    words = "a blank" if character.isspace() else f"`{character}`"
    with pytest.raises(InputError) as stopped:
        check_interpreter(f"/home/my{character}data/.venv/bin/python")
    assert f"has {words} in it" in str(stopped.value)
