# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of this package, read by the build without importing anything."""

__all__ = ("__version__", "code_version")

import functools
import hashlib
from pathlib import Path

__version__ = "0.1.0"


@functools.cache
def code_version() -> str:
    """Return the version with a digest of the source, which changes between releases.

    Returns
    -------
    version : `str`
        Version, ``+`` and eight hexadecimal digits.
    """
    root, digest = Path(__file__).parent, hashlib.blake2b(digest_size=4)
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()}"
