"""What the demo prints: chapters, commands, tables and one line per check, in plain text."""

import sys


class Report:
    """Writes the story as it goes and counts its checks."""

    def __init__(self, out=sys.stdout):
        self._out = out
        self.passed = self.failed = 0
        self._chapters = 0

    def chapter(self, title):
        self._chapters += 1
        self._print(f"\n{self._chapters}. {title}")

    def say(self, text):
        self._print(f"   {text}")

    def command(self, *words):
        self._print("   $ " + " ".join(words))

    def table(self, text):
        for line in text.rstrip().splitlines():
            self._print(f"   | {line}".rstrip())

    def check(self, what, good, otherwise=""):
        """One line: `what` must hold; `otherwise` says what was found instead."""
        if good:
            self.passed += 1
            self._print(f"   ok    {what}")
        else:
            self.failed += 1
            self._print(f"   FAIL  {what}" + (f": {otherwise}" if otherwise else ""))

    def summary(self):
        self._print(f"\ndemo: {self.passed} passed, {self.failed} failed")

    def _print(self, line):
        print(line, file=self._out, flush=True)
