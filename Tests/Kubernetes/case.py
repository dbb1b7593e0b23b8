"""What all tests of Kubernetes stand on: both overlays rendered once, with secrets filled in."""

import unittest

import tools
from rendering import Rendering, Tree

OVERLAYS = ("single-node", "managed")
OURS = ("front", "worker", "migrate")


class Case(unittest.TestCase):
    renderings: dict[str, Rendering] = {}

    @classmethod
    def setUpClass(cls) -> None:
        if not Case.renderings:
            tree = Tree()
            try:
                tree.fill()
                for name in OVERLAYS:
                    answer = tree.render(tools.kubectl(), f"overlays/{name}")
                    assert answer.returncode == 0, answer.stderr
                    Case.renderings[name] = Rendering(answer.stdout)
            finally:
                tree.remove()

    def each(self):
        return self.renderings.items()
