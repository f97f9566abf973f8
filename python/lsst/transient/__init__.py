# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later

import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)
