"""`python3 prepare.py`: makes `.venv` beside this file with what the build of plugins needs, in the version that the kit was
tested with. Does nothing when it is there.
"""

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

here = Path(__file__).resolve().parent
needed = tomllib.loads((here / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
stamp = here / ".venv" / "prepared"

if not stamp.exists() or stamp.read_text("utf-8") != "\n".join(needed):
    venv.create(here / ".venv", with_pip=True)
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    pip = [here / ".venv" / scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*map(str, pip), *needed], check=True)
    stamp.write_text("\n".join(needed), "utf-8")
