"""The geometry of charts that the server draws as SVG. Shapes only: style sheets give colours, templates the words."""

from collections.abc import Mapping
from dataclasses import dataclass

HEIGHT = 96  # CSS pixels of the highest column
LEAST = 2  # CSS pixels of a column that stands for anything
WIDEST_COLUMN = 72  # CSS pixels, with the space around it
FULL_LABELS = 8  # more years are labelled by their last two digits


@dataclass(frozen=True)
class YearChart:
    width: int  # CSS pixels, if there is room
    columns: list["YearColumn"]


@dataclass(frozen=True)
class YearColumn:
    """A year's column; widths in per cent of the drawing, so that it fits any window and its letters keep their size."""

    year: int
    count: int
    label: str
    x: float
    width: float
    middle: float
    y: int
    height: int


def year_chart(counts: Mapping[int, int]) -> YearChart | None:
    """A column for each year from the first to the last, those without anything included. None for fewer than two."""
    if len(counts) < 2:
        return None
    years = range(min(counts), max(counts) + 1)
    step, most = 100 / len(years), max(counts.values())
    columns = []
    for place, year in enumerate(years):
        count = counts.get(year, 0)
        height = max(round(HEIGHT * count / most), LEAST) if count else 0
        label = str(year) if len(years) <= FULL_LABELS else f"’{year % 100:02}"
        x, width = round(place * step + step * 0.15, 2), round(step * 0.7, 2)
        columns.append(
            YearColumn(year, count, label, x, width, round((place + 0.5) * step, 2), HEIGHT - height, height)
        )
    return YearChart(WIDEST_COLUMN * len(years), columns)
