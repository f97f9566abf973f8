# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pip world: stand-ins for the stack's stock tasks, cameras, simulation and ingestion."""
