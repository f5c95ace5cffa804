"""The wheel holds the workflow too: Snakefile, rules, schemas, configuration, sheets, profiles."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROJECT = ("Snakefile", "workflow", "config", "profiles")


class WithWorkflow(build_py):
    """Copies the workflow beside the package; an editable installation reads it where it is."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "gexpipe" / "project"
        shutil.rmtree(target, ignore_errors=True)
        for name in PROJECT:
            source = Path(__file__).parent / name
            if source.is_dir():
                shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(".*", "__*"))
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)


setup(cmdclass={"build_py": WithWorkflow})
