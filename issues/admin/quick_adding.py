"""The box that files an idea in seconds, and the bookmarklet that fills it in."""

from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from issues.admin.texts import editor_of
from issues.errors import IssuesError
from issues.models import Story
from issues.quick_adding import Filed, file_idea
from papers.admin_addresses import change_page
from papers.errors import PapersError

# It opens the form beside the page that one reads, with its address and title filled in; nothing is filed before a press.
BOOKMARKLET = (
    "javascript:void(open('{}?text='+encodeURIComponent(location.href)+'&title='+encodeURIComponent(document.title)))"
)


class QuickAddForm(forms.Form):
    text = forms.CharField(
        label="A title, an address, an arXiv id or a DOI",
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    title = forms.CharField(
        label="What it is called", required=False, max_length=300, help_text="Empty: found out, if it can be."
    )
    begin = forms.BooleanField(label="Begin a story about it", required=False)


class QuickAddPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of stories."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.quick_add))
        return [path("quick-add/", view, name="issues_story_quick_add"), *super().get_urls()]

    def quick_add(self, request: HttpRequest) -> HttpResponse:
        """On GET a form, filled in by the address, which is how the bookmarklet comes here; on POST file it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = QuickAddForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
        if form.is_valid():
            try:
                filed = file_idea(by=editor_of(request), **form.cleaned_data)
            except (IssuesError, PapersError) as error:
                form.add_error("text", str(error))
            else:
                self.tell(request, filed)
                return redirect("admin:index" if "from_desk" in request.POST else "admin:issues_story_quick_add")
        address = urljoin(settings.SITE_URL, reverse("admin:issues_story_quick_add"))
        context = self.admin_site.each_context(request) | {
            "title": "Quick add",
            "opts": self.opts,
            "form": form,
            "bookmarklet": BOOKMARKLET.format(address),
        }
        return TemplateResponse(request, "admin/issues/story/quick_add.html", context)

    def tell(self, request: HttpRequest, filed: Filed) -> None:
        """Say what was filed or found, with links; and keep it in the log."""
        for thing, is_new in dict.fromkeys([(filed.thing, filed.is_new), (filed.story, filed.story_is_new)]):
            if thing is None:
                continue
            words = "is filed" if is_new else "is there already"
            kind = "story idea" if isinstance(thing, Story) and is_new else thing._meta.verbose_name
            link = format_html('<a href="{}">{}</a>', change_page(thing), thing)
            messages.success(request, format_html("The {} {} {}.", kind, link, words))
            if is_new:
                self.log_addition(request, thing, "Quick add.")
