"""What can go wrong in a release, in a sentence for who makes it."""


class ReleaseError(Exception):
    """Nothing is released; the text says what is wrong and what to do."""
