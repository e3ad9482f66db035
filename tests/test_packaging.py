"""What a wheel and a source distribution hold, built as pip builds them."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hiper_agents", "hiper_envs", "leaderboard", "webshop_server")
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""

pytestmark = pytest.mark.slow


def list_tracked() -> list[str]:
    """The files of the checkout; of an unpacked distribution, which knows no git, all that lie in it."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("needs a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, for a build leaves folders behind."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in list_tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def build(checkout: Path, kind: str, out: Path) -> Path:
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(out)]
    built = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    return out / built.stdout.splitlines()[-1]


def test_wheel_holds_the_packages_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(checkout, "wheel", tmp_path)) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))).decode()
    tracked = {name for name in list_tracked() if name.split("/")[0] in PACKAGES}
    assert found == tracked
    for field in ("Classifier: Typing :: Typed", "Keywords: ALFWorld", "Project-URL: ", "License-Expression: MIT"):
        assert field in metadata


def test_source_distribution_holds_tests_and_docs(checkout: Path, tmp_path: Path) -> None:
    with tarfile.open(build(checkout, "sdist", tmp_path)) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    unshipped = {name for name in list_tracked() if name.startswith(".")} | {"MANIFEST.in"}
    assert set(list_tracked()) - unshipped <= found
