"""The errors of devcluster, as sentences for its user. Imports nothing else of ours."""


class DevclusterError(Exception):
    """Base of everything this package raises on purpose; its text is one sentence for people."""


class UnavailableError(DevclusterError):
    """A tool is missing and cannot be made here; the sentence says what to install."""


class StartFailedError(DevclusterError):
    """A program of the cluster did not come up; the sentence names its log."""


class CommandFailedError(DevclusterError):
    """A kubectl or helm command, or a build, ended with an exit code other than 0; the text holds its error output."""
