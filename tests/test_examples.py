"""Every example runs and asserts its number; every picture the README shows is there."""

import re
import runpy
from pathlib import Path

import pytest

from dfbdesign.cli import app

PROJECT = Path(__file__).parents[1]
SCRIPTS = sorted((PROJECT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_runs(script, capsys):
    runpy.run_path(str(script))
    assert capsys.readouterr().out


README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_readme_shows_pictures_that_exist():
    shown = re.findall(r'src="([^"]+)"|!\[[^\]]*\]\(([^)]+)\)', README)
    assert len(shown) > 3
    for picture in map("".join, shown):
        assert (PROJECT / picture).read_bytes().startswith(b"\x89PNG")


def test_readme_leads_to_files_that_exist():
    names = re.findall(r"\]\(([^):]+)\)", README) + re.findall(
        r"`((?:examples|layouts)/[\w./-]+)`", README
    )
    assert len(names) > 15
    for name in names:
        assert (PROJECT / name).exists(), name


def test_readme_names_every_verb_and_no_other():
    verbs = {one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands}
    verbs |= {group.name for group in app.registered_groups}
    table = README.partition("## The verbs")[2].partition("Exit codes")[0]
    named = set(re.findall(r"`([a-z]+)[ `]", table)) - {"loss", "ase", "ta", "bleach"}
    assert named == verbs


def test_readme_commands_run_as_they_stand(dfb, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    monkeypatch.chdir(tmp_path)
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", "")
    commands = re.findall(
        r"^\.venv/bin/dfb ((?:design|study|tolerance|ladder) [^#\n]+)", blocks, re.M
    )
    assert len(commands) == 5
    for command in commands:
        ran = dfb(*command.split())
        assert ran.code == 0, (command, ran.err)
    assert {"mine.toml", "map.nc", "best.toml", "why.png", "chip.toml"} <= {
        one.name for one in tmp_path.iterdir()
    }


def test_readme_commands_say_what_they_do(dfb):
    commands = set(re.findall(r"\.venv/bin/dfb (\w+)([^#\n]*)", README))
    assert len(commands) > 6
    for verb, rest in commands:
        told = dfb(verb, "--help").out
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in told, (verb, option)
