"""What may differ between the README and a run of its commands: ids, times, and nothing else."""

import re

# Each alternative is one kind of thing that is another one each time, written as precisely as it can be.
KINDS = re.compile(
    "|".join((
        r"(?P<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
        # The server writes the numbers of requests without leading zeros.
        r"(?P<digest>\b[0-9a-f]{28,32}\b)",
        r"(?P<entry>\b1[0-9]{12}-[0-9]{1,3}\b)",
        r"(?P<consumer>(?<=\")[\w.-]+-[0-9]+-[0-9a-f]{8}(?=\"))",
        r"(?P<microseconds>\b1[0-9]{15}\b)",
        r"(?P<time>\b20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?(?:Z|\+00)(?![0-9:]))",
    ))
)
# How long a consumer has had nothing to do, in milliseconds.
IDLE = re.compile(r"(\"idle\"\n +[0-9]+\) \(integer\) )[0-9]+")
# These are told apart: what is one id in the README is one id in the run, wherever it comes again.
NUMBERED = {"id", "digest", "entry", "consumer"}


class Likeness:
    """Puts names in the place of what differs each time. One of these reads all the outputs of one run, in their order."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, int]] = {kind: {} for kind in NUMBERED}

    def of(self, text: str) -> str:
        tidy = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
        return IDLE.sub(r"\1<idle>", KINDS.sub(self.name, tidy))

    def name(self, match: re.Match[str]) -> str:
        kind, value = match.lastgroup or "", match[0]
        if kind not in NUMBERED:
            return f"<{kind}>"
        numbers = self.known[kind]
        return f"<{kind} {numbers.setdefault(value, len(numbers) + 1)}>"
