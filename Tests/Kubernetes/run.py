"""ops/kubernetes as a cluster and an operator meet it: rendered, validated against the schemas, and looked at from all sides."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "ops" / "lib")]

import tools  # noqa: E402

if __name__ == "__main__":
    tools.in_its_python()

import unittest  # noqa: E402

from invariants import *  # noqa: E402, F403
from running import *  # noqa: E402, F403
from validity import *  # noqa: E402, F403

if __name__ == "__main__":
    unittest.main(verbosity=2)
