"""What the form of a story asks the server for while somebody writes: previews, drafts, pictures, papers and links."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from issues.admin.texts import editor_of
from issues.drafting import discard_draft, draft_of, keep_draft
from issues.errors import BadImage, BadMarkdown, KeptElsewhere
from issues.models import Draft, Story
from issues.previewing import preview_story, sources_typed, story_typed
from issues.render_context import Medium
from issues.revising import current_number
from issues.sources import paper_rows, resource_rows, source_pasted
from issues.story_form import StoryForm
from papers.errors import PapersError
from papers.models import Paper

# Of the frame of the preview: styles of emails stand in attributes; nothing runs, and nothing comes from elsewhere.
FRAME_POLICY = {
    "default-src": "'none'",
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "'self'",
    "img-src": f"'self' data: {settings.SITE_URL}",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}


class WritingPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of stories."""

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"issues_story_{name}")

        return [
            view("frame/", require_GET(self.frame), "frame"),
            view("live/", require_POST(self.live), "live"),
            view("autosave/", require_POST(self.autosave), "autosave_new"),
            view("<int:pk>/autosave/", require_POST(self.autosave), "autosave"),
            view("discard/", require_POST(self.discard), "discard_new"),
            view("<int:pk>/discard/", require_POST(self.discard), "discard"),
            view("picture/", require_POST(self.picture), "picture"),
            view("source/", require_POST(self.add_source), "source"),
            view("paper-row/<int:paper_pk>/", require_GET(self.paper_row), "paper_row"),
            *super().get_urls(),
        ]

    def require_writer(self, request: HttpRequest) -> None:
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied

    # The preview

    def frame(self, request: HttpRequest) -> HttpResponse:
        """The empty page that previews are put into."""
        self.require_writer(request)
        response = render(request, "admin/issues/story/preview_frame.html")
        response["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in FRAME_POLICY.items())
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def live(self, request: HttpRequest) -> JsonResponse:
        """The story as it was typed, rendered, and what was found in it; or what keeps it from being rendered."""
        self.require_writer(request)
        values = StoryForm(request.POST).typed()
        papers, links = sources_typed(values)
        medium: Medium = "email" if request.POST.get("medium") == "email" else "web"
        try:
            preview = preview_story(story_typed(values, named_story(request)), medium, papers=papers, links=links)
        except BadMarkdown as error:
            return JsonResponse({"error": str(error)})
        findings = [{"line": each.line, "text": each.sentence, "weight": each.weight} for each in preview.findings]
        figures = {"words": preview.words, "minutes": preview.minutes}
        return JsonResponse({"document": preview.document, "findings": findings, **figures})

    # Drafts

    def story_to_write(self, request: HttpRequest, pk: int | None) -> Story | None:
        """None stands for a new one."""
        story = get_object_or_404(Story, pk=pk) if pk is not None else None
        may = self.has_change_permission(request, story) if story else self.has_add_permission(request)
        if not may:
            raise PermissionDenied
        return story

    def autosave(self, request: HttpRequest, pk: int | None = None) -> JsonResponse:
        """Keep a draft, and say whether the story has moved on meanwhile. 409 if another window keeps one."""
        story = self.story_to_write(request, pk)
        try:
            draft = keep_typed(request, story)
        except KeptElsewhere as error:
            return JsonResponse({"error": str(error)}, status=409)
        newest = story.revisions.select_related("editor").order_by("-number").first() if story else None
        has_moved = newest is not None and newest.number != draft.revision
        who = newest.editor.get_username() if newest and newest.editor else "Somebody"
        return JsonResponse(
            {
                "kept": f"{timezone.localtime(draft.kept_at):%H:%M:%S}",
                "conflict": f"{who} has saved this story while you were writing. What you typed is kept as a draft. When "
                "you save, you will see both versions side by side, and nothing is overwritten."
                if has_moved
                else "",
            }
        )

    def discard(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        story = self.story_to_write(request, pk)
        discard_draft(story, editor_of(request))
        return HttpResponseRedirect(address_of(story))

    # Pictures, papers and links

    def picture(self, request: HttpRequest) -> JsonResponse:
        """Take in a picture that was pasted or dropped."""
        if not request.user.has_perm("issues.add_image"):
            raise PermissionDenied
        from issues.image_storing import store_upload  # Pillow takes 3 MB.

        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            return JsonResponse({"error": "No picture arrived. Try it again."})
        try:
            image = store_upload(file)
        except BadImage as error:
            return JsonResponse({"error": str(error)})
        return JsonResponse({"source": image.source, "address": image.file.url})

    def add_source(self, request: HttpRequest) -> JsonResponse:
        """The row of the paper or resource that was pasted, for the form to take in."""
        self.require_writer(request)
        try:
            source = source_pasted(request.POST.get("text", ""), request.user)
        except PapersError as error:
            return JsonResponse({"error": str(error)})
        if isinstance(source, Paper):
            return JsonResponse({"list": "papers", "key": source.pk, "row": self.drawn_paper(request, source.pk)})
        row = resource_rows([(source.pk, "", source.kind)])[0]
        html = render_to_string("admin/issues/story/_resource_row.html", {"row": row, "may_change": True}, request)
        return JsonResponse({"list": "resources", "key": source.pk, "row": html})

    def paper_row(self, request: HttpRequest, paper_pk: int) -> HttpResponse:
        """A paper's row as it is now, for a form that waits for the end of a lookup."""
        self.require_writer(request)
        return HttpResponse(self.drawn_paper(request, paper_pk))

    def drawn_paper(self, request: HttpRequest, key: int) -> str:
        rows = paper_rows([key], story=named_story(request))
        if not rows:
            raise Http404
        return render_to_string("admin/issues/story/_paper_row.html", {"row": rows[0], "may_change": True}, request)

    # The page

    def writing_context(self, request: HttpRequest, story: Story | None, form: StoryForm) -> dict[str, Any]:
        """What the page of a story shows beside its fields; an unbound form is filled from a draft if that is asked for."""
        draft = draft_of(story, editor_of(request))
        is_restored = draft is not None and "draft" in request.GET and not form.is_bound
        if draft is not None and is_restored:
            form.show(draft.fields)
            form.initial.update(seen_revision=draft.revision, window=draft.window)
        else:
            form.initial["window"] = uuid.uuid4().hex
        return {
            "draft": draft if not form.is_bound else None,
            "is_restored": is_restored,
            "paper_rows": paper_rows(form["papers"].value() or [], story=story),
            "resource_rows": resource_rows(form["resources"].value() or []),
            "conflict": form.conflict,
        }


def named_story(request: HttpRequest) -> Story | None:
    """The stored story that a script says it works for."""
    wanted = request.GET.get("story", request.POST.get("story", ""))
    return Story.objects.select_related("issue").filter(pk=wanted).first() if wanted.isdecimal() else None


def keep_typed(request: HttpRequest, story: Story | None) -> Draft:
    """Keep all that stands in the form that was sent. Raises KeptElsewhere."""
    form, seen = StoryForm(request.POST), request.POST.get("seen_revision", "")
    return keep_draft(
        story,
        editor_of(request),
        window=request.POST.get("window", "")[:36],
        revision=int(seen) if seen.isdecimal() else current_number(story) if story else 0,
        fields=form.typed() | {name: request.POST.get(name, "") for name in ("paste", "comment", "note")},
    )


def address_of(story: Story | None) -> str:
    return reverse("admin:issues_story_change", args=[story.pk]) if story else reverse("admin:issues_story_add")
