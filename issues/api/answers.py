"""How the API answers: JSON, errors as a sentence, and no parameter that it doesn't know."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from issues.machines import for_machines
from issues.public_pages import public_page

PAGE_SIZE = 50  # rows of a list


def api_view(
    *parameters: str,
) -> Callable[[Callable[..., dict[str, Any] | HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A view that returns what is sent as JSON. Other parameters than these are refused, so that no typo goes unseen."""

    def decorate(find: Callable[..., dict[str, Any] | HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @public_page(*parameters, refuses_others=True)
        @for_machines
        @wraps(find)
        def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                refuse_unknown(request, parameters)
                found = find(request, **kwargs)
            except Http404 as error:
                return as_json({"detail": str(error) or "There is no such thing."}, status=404)
            except BadRequest as error:
                return as_json({"detail": str(error)}, status=400)
            return found if isinstance(found, HttpResponseBase) else as_json(found)

        return view

    return decorate


def as_json(data: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse(data, status=status, json_dumps_params={"ensure_ascii": False})


def refuse_unknown(request: HttpRequest, known: tuple[str, ...]) -> None:
    """Raises BadRequest."""
    if unknown := sorted(set(request.GET) - set(known)):
        takes = f"It takes: {', '.join(known)}." if known else "It takes none."
        raise BadRequest(f"There is no parameter “{unknown[0]}” here. {takes}")


def number_in(request: HttpRequest, name: str) -> int | None:
    """Raises BadRequest for what is no whole number."""
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(f"The parameter “{name}” has to be a whole number. Take the address in `next` as it is.")
    return int(text)


def page_of(rows: list[Any], describe: Callable[[Any], dict[str, Any]], next_address: str) -> dict[str, Any]:
    """A page of a list; `next` is null on the last one."""
    return {"items": [describe(row) for row in rows], "next": next_address or None}
