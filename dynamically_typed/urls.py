"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.views.static import serve


def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """A file of MEDIA_ROOT; what climbs out of it is not found, like any other name that strangers try."""
    try:
        return serve(request, path, document_root=str(settings.MEDIA_ROOT))
    except SuspiciousFileOperation as error:  # Django would log it, with a traceback.
        raise Http404 from error


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("deliveries.urls")),
    path("preferences/", include("deliveries.preferences.urls")),
    path("", include("subscribers.urls")),
    path("", include("issues.urls")),
]

if settings.WEBHOOK_PROVIDER:
    from deliveries.feedback.webhooks import webhook  # Anymail is an extra.

    urlpatterns.insert(0, path("webhooks/", include([webhook(settings.WEBHOOK_PROVIDER)])))
if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", media))
