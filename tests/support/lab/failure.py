"""What can go wrong in the lab, with a message that says what and where to look."""


class LabError(Exception):
    """The lab itself failed: a program did not come up, a deadline passed."""


class CommandFailed(LabError):
    """A command that had to succeed did not. `output` is what it wrote to stdout and stderr."""

    def __init__(self, argv, status, output):
        self.argv, self.status, self.output = list(argv), status, output
        super().__init__(f"`{' '.join(self.argv)}` ended with status {status}: {output.strip()}")
