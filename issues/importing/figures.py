"""The pictures that the texts of a digest's folder show."""

from pathlib import Path

from issues.digest_format import figure_name, figures_in, find_file, line_of, rename_figures
from issues.errors import BadFile, BadImage
from issues.image_storing import MAX_BYTES, store_image
from issues.importing.reports import Report


def import_figures(folder: Path, name: str, body: str, report: Report) -> str:
    """Store the figures that the text of a file shows, and return the text with the paths under which they are stored.

    Raises BadFile for a figure that is missing, can't be read, or lies outside of the folder.
    """
    paths = {}
    for path in figures_in(body):
        try:
            data = find_file(folder, path, MAX_BYTES).read_bytes()
            image = store_image(figure_name(path), data)
        except (BadFile, BadImage, OSError) as error:
            raise BadFile(name, str(error), line_of(folder, name, path)) from error
        report.add_image(image)
        paths[path] = image.source
    return rename_figures(body, paths)
