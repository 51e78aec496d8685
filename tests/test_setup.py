"""`.ci/setup` on machines that lack something, with stand-ins for the package manager."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[1] / ".ci" / "setup"
TOOLS = ("sh", "dirname", "cat", "find", "env", "id", "touch", "chmod")
SAYS = '#!/bin/sh\necho "apt-get $*" >>"{diary}"\n'
INSTALLS = SAYS + (
    'case "$*" in *install*chromium*) touch "{bin}/chromium"; chmod +x "{bin}/chromium" ;; esac\n'
)
FAILS = SAYS + 'case "$*" in *install*) exit 100 ;; esac\n'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script of the Bourne shell")


def script(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """Function that runs the script where package and MEEP are there; with what apt-get does."""
    project, tools = tmp_path / "project", tmp_path / "bin"
    for folder in (project / ".ci", project / ".venv" / "bin", tools):
        folder.mkdir(parents=True)
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))
    shutil.copy(SETUP, project / ".ci")
    (project / "pyproject.toml").touch()
    python = project / ".venv" / "bin" / "python"
    script(python, "#!/bin/sh\n")
    (project / ".venv" / "installed").write_text(f"{project}\n")
    (project / ".venv" / "meep-python").write_text(f"{python}\n{project / 'pyproject.toml'}\n")
    diary = tmp_path / "diary"

    def run(*words, apt=None, browser=False):
        if apt is not None:
            script(tools / "apt-get", apt.format(diary=diary, bin=tools))
            script(tools / "sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
        if browser:
            script(tools / "chromium", "#!/bin/sh\n")
        ran = subprocess.run(
            [project / ".ci" / "setup", *words], env={"PATH": str(tools), "CI": "true"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return ran, diary.read_text() if diary.exists() else ""

    return run


def test_nothing_is_done_or_said_where_everything_is_there(machine):
    ran, asked = machine("test", apt=FAILS, browser=True)
    assert (ran.returncode, ran.stdout + ran.stderr, asked) == (0, "", "")


def test_a_browser_is_asked_for_by_the_tests_alone(machine):
    for words in ((), ("python",)):
        ran, asked = machine(*words, apt=FAILS)
        assert (ran.returncode, ran.stderr, asked) == (0, "", "")


def test_a_missing_browser_is_installed(machine):
    ran, asked = machine("test", apt=INSTALLS)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "setup: installing Chromium (system package)\n"
    update, install = asked.splitlines()
    assert update.startswith("apt-get update")
    assert install.endswith("chromium")
    assert machine("test")[1] == asked  # the second time nothing is missing


@pytest.mark.parametrize(
    ("apt", "message"),
    [(None, "Chromium is missing, and so is apt-get"), (FAILS, "could not install Chromium")],
    ids=["no apt-get", "it fails"],
)
def test_a_browser_that_cannot_be_installed_is_one_error_with_its_remedy(machine, apt, message):
    ran, _ = machine("test", apt=apt)
    assert ran.returncode == 1
    assert message in ran.stderr
    assert "sudo apt-get install chromium" in ran.stderr
    assert ran.stdout == ""
