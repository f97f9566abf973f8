# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of calibrated FITS frames, made into visits of a Butler repository.

The story from a file to a visit: a header map (`header_map`, `quantity`, `settings`) says
where each quantity is; `read` reads one frame (`fits_image`, `projection`) and finds what is
wrong with it; `validate` compares the frames with each other; `calibrate` makes pixels into
nJy with variance and mask; `prepare` measures the point-spread function (`crowding`) and makes
the visit image; `ingest` writes it.
"""
