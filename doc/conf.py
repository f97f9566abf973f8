# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration: plain Sphinx from pip, no network, every warning an error."""

import sys
from pathlib import Path

from lsst.transient.bogus import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "transient_bogus"
copyright = "The transient_bogus developers"
version = release = __version__
language = "en_GB"

extensions = ["sphinx.ext.autodoc", "numpydoc", "code_reference", "mathml"]
exclude_patterns = ["_build", "changes"]
default_role = "py:obj"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
numpydoc_show_class_members = False

html_math_renderer = "mathml"
html_css_files = ["formula.css"]
html_static_path = ["_static"]
html_theme = "furo"
html_title = f"transient_bogus {release}"
html_copy_source = False
