"""One environment, declared once: pyproject, the constraints file, conda's file and the README agree."""

import re
import runpy
import subprocess
import sys
import tomllib
from itertools import chain

import pytest
import yaml
from packaging.requirements import Requirement

from autodiff_lib.student.__main__ import COMMANDS
from autodiff_lib.student.place import Course
from autodiff_lib.units import UNITS
from grader.__main__ import app
from grader.authors import handout
from grader.book.nbgrader_course import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#"))
HEAVY = {"kernels"}  # extras that nobody gets who does not ask for them
README = (ROOT / "README.md").read_text()


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("requirement", [*PROJECT["dependencies"], *chain(*EXTRAS.values())])
def test_every_dependency_is_pinned_to_a_version_that_it_allows(requirement):
    parsed = Requirement(requirement)
    pins = {canonical(name): version for name, version in PINS.items()}
    assert canonical(parsed.name) in pins
    assert parsed.specifier.contains(pins[canonical(parsed.name)])


def test_conda_makes_the_same_environment():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(entry for entry in conda["dependencies"] if str(entry).startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.removeprefix("python="))
    assert f"pytorch-cpu={PINS['torch']}" in conda["dependencies"]
    (pip,) = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    makefile = (ROOT / "Makefile").read_text()
    assert pip == ["--constraint constraints.txt", f"--editable .[{','.join(name for name in EXTRAS if name not in HEAVY)}]"]
    for option in pip:
        assert option in makefile.replace("'", "")


def block_with(line):
    """The commands of the README's block that has this line."""
    blocks = [block.strip().splitlines() for block in re.findall(r"^```\w*\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]
    return next(block for block in blocks if line in block)


def test_the_readmes_conda_lines_for_instructors_lead_to_the_grader():
    create, activate, then = block_with("conda activate autodiff-course")
    file = ROOT / create.removeprefix("conda env create -f ")
    conda = yaml.safe_load(file.read_text())
    assert activate == f"conda activate {conda['name']}"
    command, name = then.split()
    assert (command, {"grader/bin/grader"}) == ("grader", {str(p.relative_to(ROOT)) for p in (ROOT / "grader/bin").iterdir()})
    assert name in {one.name or one.callback.__name__ for one in app.registered_commands}


def test_processes_that_the_command_starts_anew_do_not_run_it_again():
    assert runpy.run_path(str(ROOT / "grader" / "bin" / "grader"), run_name="__mp_main__")["main"]


def test_the_readmes_conda_lines_for_students_lead_to_their_command(tmp_path):
    """All that needs neither conda nor a network is run: the installation of the handout's library, and its command."""
    create, _, install, start = block_with("conda activate autodiff")
    assert {"-n", "autodiff", "-c", "conda-forge", "pip", "pytorch-cpu"} < set(create.split())
    version = re.search(r"python=([\d.]+)", create)[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version)
    handout.write(tmp_path, [*UNITS], Course(term="Autumn 2026"))
    offline = "--no-deps --no-index --target libraries --quiet"
    done = subprocess.run(f"{sys.executable} -m {install} {offline}", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    scripts = (tmp_path / "libraries").glob("*.dist-info/entry_points.txt")
    assert any("autodiff-course = autodiff_lib.student.__main__:main" in path.read_text() for path in scripts)
    command, name = start.split()
    assert (command, name in COMMANDS) == ("autodiff-course", True)


def test_the_gate_and_the_workflow_call_the_readmes_test_command():
    assert "make test" in README
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()


def test_every_make_command_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", "\n".join(re.findall(r"```.*?```|`[^`\n]+`", README, re.DOTALL))))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_code_and_notebooks_are_clean(command):
    done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_local_link_and_picture_of_the_documents_exists():
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
            assert (ROOT / link).exists(), f"{page}: {link}"
