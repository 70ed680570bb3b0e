"""The addresses of papers, authors, resources and bibliographies: part of `issues:`."""

from django.urls import URLPattern, path, register_converter

from issues import bibliographies
from issues.views import papers as views
from papers.citations import FORMATS


class BibliographyForm:
    regex = "|".join(FORMATS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(BibliographyForm, "bibliography")

urlpatterns: list[URLPattern] = [
    path("papers/", views.papers, name="papers"),
    path("papers/<slug:slug>/", views.paper, name="paper"),
    path("authors/<slug:slug>/", views.author, name="author"),
    path("resources/", views.resources, name="resources"),
    path("search.<bibliography:form>", bibliographies.of_search, name="search_bibliography"),
    path("papers.<bibliography:form>", bibliographies.of_archive, name="bibliography"),
    path("papers/<slug:slug>.<bibliography:form>", bibliographies.of_paper, name="paper_bibliography"),
    path("issues/<int:number>.<bibliography:form>", bibliographies.of_issue, name="issue_bibliography"),
    path("stories/<slug:slug>.<bibliography:form>", bibliographies.of_story, name="story_bibliography"),
    path("topics/<str:slug>.<bibliography:form>", bibliographies.of_topic, name="topic_bibliography"),
    path("sections/<slug:slug>.<bibliography:form>", bibliographies.of_section, name="section_bibliography"),
    path("authors/<slug:slug>.<bibliography:form>", bibliographies.of_author, name="author_bibliography"),
]
