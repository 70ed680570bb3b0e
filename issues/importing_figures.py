"""The pictures that the texts of a digest's folder show."""

from pathlib import Path
from typing import TYPE_CHECKING

from issues.digest_format import figure_name, figures_in, line_of, rename_figures
from issues.errors import BadFile, BadImage
from issues.images import store_image
from issues.models import Image

if TYPE_CHECKING:
    from issues.importing import Report


def import_figures(folder: Path, name: str, body: str, report: "Report") -> str:
    """Store the figures that the text of a file shows, and return the text with the paths under which they are stored.

    Raises BadFile for a figure that is missing, can't be read, or lies outside of the folder.
    """
    paths = {}
    for path in figures_in(body):
        source = (folder / path).resolve()
        line = line_of(folder, name, path)
        if not source.is_relative_to(folder.resolve()):
            raise BadFile(name, f"The figure {path} lies outside of the digest's folder. Put it into figures/.", line)
        known = Image.objects.count()
        try:
            image = store_image(figure_name(path), source.read_bytes())
        except BadImage as error:
            raise BadFile(name, str(error), line) from error
        except OSError as error:
            raise BadFile(name, f"The figure {path} can't be read: {error.strerror}.", line) from error
        report.add("figure", "created" if Image.objects.count() > known else "unchanged")
        paths[path] = image.source
    return rename_figures(body, paths)
