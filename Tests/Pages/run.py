"""The pages in a real Chromium: what people do, on a private installation.

`run.py NAME` runs the tests whose names contain it. Pictures of every page are left in .stack/test/pages/pictures.
"""

import os
import sys
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "ops" / "lib"), str(PROJECT / "Tests" / "Api"), str(Path(__file__).resolve().parent)]

import build  # noqa: E402
import packages  # noqa: E402
import processes  # noqa: E402
import say  # noqa: E402
import servers  # noqa: E402
import stack  # noqa: E402
import tools  # noqa: E402
from fleet import Fleet, Turn  # noqa: E402

FOLDER = stack.STACK / "test" / "pages"
REQUIREMENTS = ("playwright==1.65.2", "axe-playwright-python==0.1.8")


def inside_tools() -> None:
    """Goes on with the Python that has the tools; Chromium is Debian's."""
    packages.install([*packages.NEEDED, *packages.BROWSER])
    folder = stack.STACK / "test" / "browser-tools"
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = tools.install(folder, REQUIREMENTS) / "python"
    os.execv(python, [str(python), "-B", "-u", *sys.argv])


def main(interruptions: processes.Interruptions) -> int:
    turn = Turn(FOLDER)
    if not turn.take():
        raise say.Stop("Another Tests/Pages is running here.")
    from installation import Installation
    import stage

    programs = Path(os.environ["QUESTLINE_TEST_BIN"]) if "QUESTLINE_TEST_BIN" in os.environ else build.executables("debug")
    fleet = Fleet(FOLDER, interruptions)
    fleet.stop_all(quiet=True)
    servers.remove_data(FOLDER)
    try:
        installation = Installation(fleet, programs.resolve())
        installation.start()
        stage.prepare(installation, FOLDER / "pictures")
        suite = unittest.TestLoader()
        names = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
        suite.testNamePatterns = [f"*{name}*" for name in names] or None
        tests = suite.loadTestsFromNames(["player", "console", "loading", "pictures", "crowd"])
        result = unittest.TextTestRunner(verbosity=2, failfast="-f" in sys.argv).run(tests)
        return 0 if result.wasSuccessful() and result.testsRun else 1
    finally:
        interruptions.ignore()
        fleet.stop_all(quiet=True)
        servers.remove_data(FOLDER)


if __name__ == "__main__":
    try:
        inside_tools()
        sys.exit(main(processes.Interruptions()))
    except say.Stop as reason:
        say.trouble(str(reason))
        sys.exit(1)
    except say.Interrupted as interruption:
        sys.exit(interruption.exit_code)
