"""The end that somebody asked for."""


class Terminated(BaseException):
    """SIGTERM outside of a flow, or after it."""
