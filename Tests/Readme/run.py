"""Does what the README says, and compares: each marked command with what is shown, each restore with what there was.

`run.py --write` puts what the commands print now into the README.
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import document  # noqa: E402
from installation import BUILT, PROJECT, Installation  # noqa: E402
from likeness import Likeness  # noqa: E402

INSPECTED = ("state", "look")
# A figure that stands for itself: no part of an id, a time or a word.
FIGURE = re.compile(r"(?<![\w:.<-])[0-9]{1,7}(?![\w:.-]|\) )")
# Of these, each followed by `_USER` and `_PASSWORD`, the sources make the names of settings.
BEGINNINGS = {"QUESTLINE_ADMIN", "QUESTLINE_PLAYER"}
EXECUTABLES = Path(BUILT or PROJECT / ".build" / "debug")


def settings_read(folder: Path) -> set[str]:
    """Every setting that a file below a folder names; the beginnings of others are none by themselves."""
    names = set(re.findall(r'"(QUESTLINE_\w+)"', "".join(path.read_text() for path in folder.rglob("*.swift"))))
    return {name for name in names if not any(other.startswith(f"{name}_") and name in BEGINNINGS for other in names)}


def is_named(name: str, text: str) -> bool:
    """Whether a help names it, whole or by its end after three dots."""
    endings = re.findall(r"…(_\w+)", text)
    return re.search(rf"\b{name}\b", text) is not None or any(name.endswith(ending) for ending in endings)


def look_around(installation: Installation, blocks: list[document.Block]) -> list[tuple[document.Command, str]]:
    """Makes the state that the README describes, and returns what each command shown there prints in it."""
    outputs: list[tuple[document.Command, str]] = []
    for block in blocks:
        if block.name in INSPECTED and block.language == "sh":
            installation.run(block.script)
        elif block.name in INSPECTED:
            outputs += [(command, installation.show(command.text)) for command in block.commands]
    return outputs


class Walk(unittest.TestCase):
    """One installation, in the order of the README: what is shown first, then the backups."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.blocks = document.marked(document.read())
        cls.installation = Installation()
        cls.addClassCleanup(cls.installation.remove)
        cls.installation.start()

    def follow(self, name: str) -> None:
        [block] = [block for block in self.blocks if block.name == name]
        self.installation.run(block.script)

    def rows(self) -> dict[str, int]:
        tables = (
            "processing.events", "processing.user_quest_rewards", "auth.reward_claims", "auth.wallet_entries", "auth.users",
        )
        counted = self.installation.run("".join(f"psql -Atd $DATABASE_URL -c 'SELECT count(*) FROM {name}'\n" for name in tables))
        return dict(zip(tables, map(int, counted.split())))

    def sign_in(self, people: int) -> None:
        """Four times each, which is one completion, with nothing left to be recorded in the end."""
        body = [{"user_id": f"5b0c6f0e-6c86-4b2e-{self.next_series():04x}-{person:012x}"} for person in range(people) for _ in range(4)]
        (self.installation.folder / "body.json").write_text(json.dumps(body))
        self.installation.run(
            'curl -sSf $QUESTLINE_URL/api/v1/sign-ins -H "X-API-Key: $QUESTLINE_API_KEY" '
            "-H 'Content-Type: application/json' -d @body.json\nquestline-worker verify --wait"
        )

    def next_series(self) -> int:
        Walk.series = getattr(Walk, "series", 0x8000)
        return Walk.series

    def setUp(self) -> None:
        Walk.series = getattr(Walk, "series", 0x8000) + 1

    def test_1_every_command_prints_what_is_shown(self) -> None:
        outputs = look_around(self.installation, self.blocks)
        self.assertGreater(len(outputs), 20)
        shown, printed = Likeness(), Likeness()
        for command, output in outputs:
            with self.subTest(command.text):
                self.assertEqual(shown.of("\n".join(command.shown)), printed.of(output), f"README.md:{command.first + 1}")

    def test_2_a_dump_brings_everything_back(self) -> None:
        self.sign_in(50)
        self.follow("back up")
        dumped = self.rows()
        self.sign_in(70)
        before = self.rows()
        self.assertEqual(before["processing.events"] - dumped["processing.events"], 70 * 5)
        superuser = "psql -q -d ${DATABASE_URL/questline:/postgres:}"
        for harm in (
            # What is left stands in the way of what comes back.
            "psql -q -d $DATABASE_URL -c 'DROP TABLE auth.users CASCADE'",
            f"{superuser} -c '\\c postgres' -c 'DROP DATABASE questline WITH (FORCE)'",
        ):
            self.installation.run(harm)
            self.follow("restore")
            self.assertEqual(self.rows(), before, harm)

    def test_3_a_base_backup_and_the_streams_bring_everything_back(self) -> None:
        self.sign_in(50)
        self.follow("base backup")
        self.sign_in(70)
        self.follow("back up the streams")
        before = self.rows()
        self.installation.run("ops/down --erase")
        self.follow("restore all")
        self.assertEqual(self.rows(), before)


class TextTests(unittest.TestCase):
    """The document by itself."""

    def test_every_command_is_run(self) -> None:
        """Whoever adds a command to the README marks its block, or it would be true only on the day it was written."""
        for block in document.fences(document.read()):
            for number, line in enumerate(block.lines, start=block.first + 1):
                if re.match(r"(\$ )?(redis-cli|psql|pg_\w+)\b", line) and not block.name:
                    self.fail(f"README.md:{number} is in a block without `<!-- ops/test runs this: … -->`: {line}")

    def test_the_complete_tables_of_settings_are_complete(self) -> None:
        """What the sources read, and nothing else, is in the help; what the README names is read by something."""
        read: set[str] = set()
        for program, module in (("questline-front", "HTTPFront"), ("questline-worker", "Workers")):
            names = settings_read(PROJECT / "Sources" / module) | settings_read(PROJECT / "Sources" / "Common")
            shown = subprocess.run([str(EXECUTABLES / program), "--help"], capture_output=True, text=True, check=True).stdout
            self.assertEqual({name for name in names if not is_named(name, shown)}, set(), program)
            self.assertEqual(set(re.findall(r"QUESTLINE_\w+", shown)) - names, set(), program)
            read |= names
        named = set(re.findall(r"`(QUESTLINE_\w+)`", "\n".join(document.read())))
        self.assertGreater(len(named), 20)
        others = set(re.findall(r"QUESTLINE_\w+", (PROJECT / "compose.yaml").read_text())) | {"QUESTLINE_URL"}
        self.assertEqual(named - read - others, set())

    def test_a_changed_figure_is_noticed(self) -> None:
        """All figures but those of the ids, times and idle times, each changed by itself."""
        changed, unnoticed = 0, []
        for block in document.marked(document.read()):
            for command in block.commands if block.language == "console" else []:
                text = "\n".join(command.shown)
                for figure in FIGURE.finditer(text):
                    other = f"{text[: figure.start()]}{int(figure[0]) + 1}{text[figure.end() :]}"
                    changed += 1
                    if Likeness().of(other) == Likeness().of(text):
                        unnoticed.append(text[: figure.end()].splitlines()[-2:])
        self.assertGreater(changed, 50)
        self.assertTrue(all('"idle"' in lines[0] for lines in unnoticed), unnoticed)
        self.assertLess(len(unnoticed), 4)

    def test_a_changed_id_is_noticed_where_it_comes_again(self) -> None:
        one, other = "01a20802-2943-77f2-882d-7c2c40de389c", "01a20802-2943-77f2-882d-7c2c40de389d"
        shown, printed = Likeness(), Likeness()
        self.assertEqual(shown.of(f"event {one}"), printed.of(f"event {other}"))
        self.assertNotEqual(shown.of(f"again {one}"), printed.of(f"again {one}"))


def write() -> None:
    """Puts what the commands print now into the README."""
    installation = Installation()
    try:
        installation.start()
        lines = document.read()
        outputs = look_around(installation, document.marked(lines))
        for command, output in reversed(outputs):
            lines[command.first : command.last] = [line.rstrip() for line in output.strip("\n").splitlines()]
        document.README.write_text("\n".join(lines) + "\n")
    finally:
        installation.remove()


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        unittest.main(verbosity=2)
