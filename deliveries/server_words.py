"""What mail servers say, as it may be kept: the words often name the reader, whom an erasure has to leave no trace of."""

import re

ADDRESS = re.compile(r"<?[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+>?")


def without_addresses(words: str) -> str:
    return ADDRESS.sub("(address)", words)
