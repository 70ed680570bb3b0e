"""The WSGI application that a web server imports: the site, with its public pages kept in memory."""

import os
from wsgiref.types import WSGIApplication

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamically_typed.settings")

application: WSGIApplication = get_wsgi_application()

if settings.PAGE_CACHE_BYTES:
    from dynamically_typed.page_cache import PageCache  # It knows models, so not before the apps are there.

    application = PageCache(application, settings.PAGE_CACHE_BYTES)
