"""The geometry of charts that the server draws as SVG. Shapes only: words and numbers stand beside them as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 180  # the view box; the style sheet stretches it


@dataclass
class Line:
    maximum: int  # the value at the top
    points: str  # of the polyline
    area: str  # of the polygon below it


@dataclass
class Column:
    x: float
    width: float
    up_y: float
    up_height: float
    down_height: float


@dataclass
class Columns:
    maximum: int  # the value at the top; the same below the zero line
    zero: float
    columns: list[Column]


def line(values: Sequence[int]) -> Line:
    maximum = round_up(max(values, default=0))
    step = WIDTH / max(len(values) - 1, 1)
    points = [f"{at * step:.1f},{HEIGHT - HEIGHT * value / maximum:.1f}" for at, value in enumerate(values)]
    return Line(maximum, " ".join(points), f"0,{HEIGHT} {' '.join(points)} {WIDTH},{HEIGHT}")


def columns(ups: Sequence[int], downs: Sequence[int]) -> Columns:
    """A column above and one below the zero line for each pair."""
    maximum = round_up(max([*ups, *downs], default=0))
    zero = HEIGHT / 2
    step = WIDTH / max(len(ups), 1)
    drawn = [
        Column(
            x=round(at * step + step * 0.15, 1),
            width=round(step * 0.7, 1),
            up_y=round(zero - zero * up / maximum, 1),
            up_height=round(zero * up / maximum, 1),
            down_height=round(zero * down / maximum, 1),
        )
        for at, (up, down) in enumerate(zip(ups, downs, strict=True))
    ]
    return Columns(maximum, zero, drawn)


def round_up(value: int) -> int:
    """Return the next round number: a scale that people read."""
    size = 1
    while True:
        for digit in (1, 2, 3, 4, 5, 6, 8):
            if digit * size >= value:
                return digit * size
        size *= 10
