"""The pages of the admin about all subscribers at once: import, export, figures."""

from typing import Any, get_args

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.models import Action
from audit.recording import record
from subscribers import charts, figures, tasks, uploads
from subscribers.exporting import export_lines
from subscribers.models import ImportRun, ImportState, Subscriber, SubscriberState

IMPORT, EXPORT = "subscribers.import_subscribers", "subscribers.export_subscribers"


class ImportForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text="As listmonk, Ghost, Substack, Buttondown, Mailchimp and Keila export it, "
        "or with a first line that names a column “email”.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )
    consent = forms.CharField(
        label="Where consent came from",
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="When, where and to which words these people agreed to get the digest. It is kept with each of them.",
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > uploads.LARGEST_UPLOAD:
            raise forms.ValidationError(
                f"This file is larger than {uploads.LARGEST_UPLOAD // 1_000_000} MB. Whoever runs the site can import it "
                "with manage.py import_subscribers."
            )
        return file


class ExportForm(forms.Form):
    state = forms.ChoiceField(
        label="Who",
        choices=[("", "Everybody"), *SubscriberState.choices],
        required=False,
    )


class ListPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of subscribers."""

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"subscribers_subscriber_{name}")

        return [
            view("import/", require_http_methods(["GET", "POST"])(self.import_view), "import"),
            view("export/", require_http_methods(["GET", "POST"])(self.export_view), "export"),
            view("figures/", require_GET(self.figures_view), "figures"),
            *super().get_urls(),
        ]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        _require(request, IMPORT, "subscribers.add_subscriber")
        form = ImportForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            run = uploads.receive(
                form.cleaned_data["file"], consent=form.cleaned_data["consent"], by=request.user.pk or 0
            )
            self.log_addition(request, run, f"Brought {run.file_name} to be imported.")
            _work_on(run)
            return redirect("admin:subscribers_importrun_change", run.pk)
        return self._page(request, "import", {"title": "Import subscribers", "form": form})

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        _require(request, EXPORT)
        form = ExportForm(request.POST or None)
        if not form.is_valid():
            return self._page(request, "export", {"title": "Export subscribers", "form": form})
        state = form.cleaned_data["state"]
        subscribers = Subscriber.objects.filter(state=state) if state else Subscriber.objects.all()
        note = f"{subscribers.count()} subscribers ({state or 'in every state'})."
        record(Action.EXPORTED, "subscribers", by=request.user, note=note)
        name = f"subscribers-{timezone.localdate():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        lines = export_lines(subscribers)
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        _require(request, "subscribers.view_subscriber")
        unit = request.GET.get("by", "month")
        if unit not in get_args(figures.Unit):
            raise Http404
        periods = figures.growth(unit)  # type: ignore[arg-type]  # Just looked at.
        context = {
            "title": "Figures",
            "unit": unit,
            "periods": periods,
            "active": charts.line([period.active for period in periods]),
            "moves": charts.columns([period.joined for period in periods], [period.left for period in periods]),
            "states": figures.states(),
            "origins": figures.origins(),
        }
        return self._page(request, "figures", context)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/subscribers/subscriber/{name}.html", shared | context)


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who imported what, and the page on which it is tried, watched and confirmed."""

    list_display = ["file_name", "state", "started_by", "created_at"]
    list_select_related = ["started_by"]
    list_filter = ["state"]
    fields = ["consent", "started_by", "created_at"]
    actions = None

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"subscribers_importrun_{name}")

        return [
            view("<int:run_id>/progress/", require_GET(self.progress), "progress"),
            view("<int:run_id>/refused/", require_GET(self.refused), "refused"),
            view("<int:run_id>/confirm/", require_POST(self.confirm), "confirm"),
            view("<int:run_id>/discard/", require_POST(self.discard), "discard"),
            view("<int:run_id>/again/", require_POST(self.again), "again"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        return request.user.has_perm(IMPORT)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImportRun | None = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if run is not None:
            context = {
                "title": f"Import of {run.file_name}",
                "run": run,
                "is_working": run.state in uploads.WORKING,
                "is_checked": run.state == ImportState.CHECKED,
                "is_stalled": uploads.is_stalled(run),
                "has_refused": uploads.refused_of(run).exists(),
            }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | context)

    def progress(self, request: HttpRequest, run_id: int) -> HttpResponse:
        _require(request, IMPORT)
        run = get_object_or_404(ImportRun, pk=run_id)
        return JsonResponse({"state": run.state, "read": run.bytes_read, "percent": f"{percent(run)} %"})

    def refused(self, request: HttpRequest, run_id: int) -> HttpResponse | FileResponse:
        _require(request, IMPORT)
        run = get_object_or_404(ImportRun, pk=run_id)
        try:
            file = uploads.refused_of(run).open("rb")
        except FileNotFoundError as error:
            raise Http404 from error
        name = f"{run.file_name.rpartition('.')[0] or run.file_name}-refused.csv"
        return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv")

    def confirm(self, request: HttpRequest, run_id: int) -> HttpResponse:
        _require(request, IMPORT, "subscribers.add_subscriber")
        run = get_object_or_404(ImportRun, pk=run_id)
        with transaction.atomic():
            is_confirmed = uploads.confirm(run)
            if is_confirmed:
                record(Action.IMPORTED, run, by=request.user)
        if is_confirmed:
            _work_on(run)
        return self._back_to(run)

    def discard(self, request: HttpRequest, run_id: int) -> HttpResponse:
        _require(request, IMPORT)
        run = get_object_or_404(ImportRun, pk=run_id)
        if uploads.discard(run):
            self.log_change(request, run, "Discarded.")
            messages.success(request, "Discarded. The file is deleted, and nobody was imported.")
        return self._back_to(run)

    def again(self, request: HttpRequest, run_id: int) -> HttpResponse:
        _require(request, IMPORT, "subscribers.add_subscriber")
        run = get_object_or_404(ImportRun, pk=run_id)
        if uploads.is_stalled(run):
            _work_on(run)
        return self._back_to(run)

    def _back_to(self, run: ImportRun) -> HttpResponse:
        return redirect(reverse("admin:subscribers_importrun_change", args=[run.pk]))


def percent(run: ImportRun) -> int:
    return 100 * run.bytes_read // run.bytes_total if run.bytes_total else 0


def _work_on(run: ImportRun) -> None:
    """A small file at once, within the request; a large one in a worker."""
    if run.bytes_total <= uploads.AT_ONCE:
        uploads.work(run.pk)
    else:
        tasks.work_on_import.delay_on_commit(run.pk)


def _require(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied
