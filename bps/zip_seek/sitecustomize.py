# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let Python before 3.12.9 and 3.13.2 read quantum graphs; see "Running on BPS" in the documentation.

There, a relative seek in one member of a zip file starts from where another member was last read
(https://github.com/python/cpython/issues/127847), and jobs end with EOFError.  With the folder of this
file in PYTHONPATH, every interpreter imports it as it starts.
"""

import os
import sys
import zipfile
from typing import Any

if sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2):
    _original: Any = zipfile._SharedFile.seek  # type: ignore[attr-defined]

    def _seek(self: Any, offset: int, whence: int = os.SEEK_SET) -> int:
        """Count a relative seek from the member's own position."""
        if whence == os.SEEK_CUR:
            offset, whence = self._pos + offset, os.SEEK_SET
        return int(_original(self, offset, whence))

    zipfile._SharedFile.seek = _seek  # type: ignore[attr-defined]
