"""A handler whose module takes long to import."""

import time
from pathlib import Path

Path("importing").touch()
time.sleep(60)
