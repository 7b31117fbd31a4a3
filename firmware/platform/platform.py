"""A development platform that works without PlatformIO's registry.

PlatformIO always wants its own copy of SCons, the package tool-scons. Where it has none yet and pip has put SCons
beside PlatformIO, a small package that points at that SCons is written into the packages directory.
"""

import importlib.util
import json
import os

from platformio.dependencies import get_core_dependencies
from platformio.package.manager.core import get_core_package_dir
from platformio.platform.base import PlatformBase

# Looking for a newer PlatformIO stalls a run for a minute where nothing answers.
os.environ.setdefault("PLATFORMIO_DISABLE_UPGRADE_CHECK", "true")

START = "import sys\n\nfrom SCons.Script.Main import main\n\nsys.exit(main())\n"


def provide_scons(packages_dir):
    if importlib.util.find_spec("SCons") is None:
        return  # PlatformIO falls back to its registry
    if get_core_package_dir("tool-scons", auto_install=False):
        return
    version = get_core_dependencies()["tool-scons"].lstrip("~^=<> ")
    spec = {"owner": "platformio", "id": None, "name": "tool-scons", "requirements": None, "uri": None}
    files = {
        "package.json": json.dumps({"name": "tool-scons", "version": version}),
        ".piopm": json.dumps({"type": "tool", "name": "tool-scons", "version": version, "spec": spec}),
        ".piokeep": "",
        "scons.py": START,
    }
    folder = os.path.join(packages_dir, "tool-scons")
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


class CoxswainhostPlatform(PlatformBase):
    def __init__(self, manifest_path):
        super().__init__(manifest_path)
        provide_scons(self.config.get("platformio", "packages_dir"))

    def is_embedded(self):
        return False
