# This file is part of transient_bogus.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the tasks that draw contact sheets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from lsst.pipe.base import InvalidQuantumError, NoWorkFound
from lsst.pipe.base.testUtils import lintConnections
from lsst.transient.bogus.columns import CUTOUTS, LABELS
from lsst.transient.bogus.nn.normalise import prepare
from lsst.transient.bogus.nn.stamps import Stamps
from lsst.transient.bogus.plots.contact_sheet import CLASSES, class_of
from lsst.transient.bogus.tasks.contact_sheet import (
    ContactSheetConnections,
    ContactSheetTask,
    SurveyContactSheetConnections,
    SurveyContactSheetTask,
)


def tables(n: int, first: int = 0, seed: int = 1) -> tuple[Table, Table]:
    """Return stamps and labels with a fifth injected and some ambiguous."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 3, (n, 2, 12, 12)).astype(np.float32)
    image[: n // 4, :, :4] = np.nan
    cutouts = CUTOUTS.build(
        {
            "diaSourceId": first + np.arange(n),
            "image": image,
            "variance": np.full(image.shape, 9.0),
            "cutout_flag": np.zeros(n),
        },
        meta={"CHANNELS": ["difference", "science"]},
    )
    data = {c.name: np.full(n, c.fill) for c in LABELS.columns}
    labels = LABELS.build(
        data
        | {
            "diaSourceId": first + np.arange(n),
            "label": np.arange(n) % 5 == 0,
            "is_ambiguous": np.arange(n) % 7 == 6,
            "sign": np.where(np.arange(n) % 2, -1, 1),
            "snr": rng.uniform(5, 100, n),
        }
    )
    return cutouts, labels


class Handle:
    """A handle that understands the read parameters of the butler's tables."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.reads = 0

    def get(self, *, parameters: dict[str, Any] | None = None, storageClass: str | None = None) -> Table:
        assert storageClass in (None, "ArrowTable")
        self.reads += 1
        columns = (parameters or {}).get("columns")
        return self.table[columns] if columns else self.table


def titles(figure: Any) -> list[str]:
    return [axis.get_title("left") or axis.get_title() for axis in figure.axes]


@pytest.mark.parametrize("connections", [ContactSheetConnections, SurveyContactSheetConnections])
def test_connections(connections: type) -> None:
    lintConnections(connections)


def test_sheet_of_a_detector() -> None:
    cutouts, labels = tables(60)
    figure = ContactSheetTask().run(cutouts=Handle(cutouts), labels=Handle(labels)).contact_sheet
    counts = np.bincount(class_of(labels), minlength=len(CLASSES))
    expected = [f"{name}: {min(n, 12)} of {n}" for name, n in zip(CLASSES, counts, strict=True)]
    assert titles(figure) == expected
    shown = figure.axes[0].images[0].get_array()
    # Stamps are cropped to an odd size; below the two channels is that of the valid pixels.
    assert shown.shape == (3 * 13, 12 * 13)
    # The injected of lowest signal-to-noise is first.
    text = figure.axes[0].texts[0].get_text()
    injected = np.flatnonzero(class_of(labels) == 0)
    first = injected[np.argmin(np.asarray(labels["snr"])[injected])]
    assert text.replace("\n", "").startswith(f"{labels['diaSourceId'][first]}S/N")


def test_stamps_are_what_the_networks_are_given() -> None:
    cutouts, labels = tables(60)
    # One class, one stamp: the sheet is that stamp, up to the scale of grey.
    labels["label"], labels["is_ambiguous"] = 1, False
    task = ContactSheetTask()
    task.config.perClass = 1
    task.config.normalisation.softening = 3.0
    figure = task.run(cutouts=Handle(cutouts), labels=Handle(labels)).contact_sheet
    first = np.argmin(np.asarray(labels["snr"]))
    (given,) = prepare(Stamps.from_table(cutouts[[first]]), task.config.normalisation.spec()).float().numpy()
    canvas = figure.axes[0].images[0].get_array()
    for channel in range(2):
        drawn = canvas[13 * channel + 2 : 13 * (channel + 1), :11][::-1]
        assert np.corrcoef(drawn.ravel(), given[channel].ravel())[0, 1] == pytest.approx(1.0)


def test_sheet_without_sources() -> None:
    cutouts, labels = tables(0)
    figure = ContactSheetTask().run(cutouts=Handle(cutouts), labels=Handle(labels)).contact_sheet
    assert [text.get_text() for text in figure.texts] == ["No DIA source to show"]


def test_rows_must_be_aligned() -> None:
    cutouts, labels = tables(10)
    with pytest.raises(InvalidQuantumError, match="10 labels do not have the rows"):
        ContactSheetTask().run(cutouts=Handle(cutouts), labels=Handle(labels[::-1]))


def test_sheet_of_a_survey_reads_only_what_it_shows() -> None:
    parts = {(visit, 0): tables(40, first=1000 * visit, seed=visit) for visit in range(30)}
    cutouts = {key: Handle(part[0]) for key, part in parts.items()}
    labels = {key: Handle(part[1]) for key, part in parts.items()}
    task = SurveyContactSheetTask()
    task.config.perClass = 3
    figure = task.run(cutouts=cutouts, labels=labels).contact_sheet
    assert [title.split(":")[0] for title in titles(figure)] == list(CLASSES)
    assert titles(figure)[0] == "injected: 3 of 210"
    assert sum(handle.reads for handle in cutouts.values()) <= 12
    everything = np.concatenate([part[1]["snr"][class_of(part[1]) == 0] for part in parts.values()])
    last = figure.axes[0].texts[-1].get_text()
    assert last.endswith(f"S/N {everything.max():.1f}")


def test_survey_without_data() -> None:
    with pytest.raises(NoWorkFound):
        SurveyContactSheetTask().run(cutouts={}, labels={})
    cutouts, labels = tables(0)
    with pytest.raises(NoWorkFound, match="no DIA source"):
        SurveyContactSheetTask().run(cutouts={(1, 2): Handle(cutouts)}, labels={(1, 2): Handle(labels)})
