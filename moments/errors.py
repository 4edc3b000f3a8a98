"""What ends a command with one sentence instead of a traceback."""


class UserError(Exception):
    """The call or the configuration is wrong; the message names the thing and the remedy. Exit code 2."""


class WorkError(Exception):
    """The work failed though the call was right; the message names the thing and the remedy. Exit code 1."""
