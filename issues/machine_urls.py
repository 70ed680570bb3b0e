"""The addresses that machines read: part of `issues:`."""

from django.urls import URLPattern, path, re_path, register_converter

from issues import site_files, sitemaps
from issues.api import views as api
from issues.feeds import issues, lists, stories


class FeedForm:
    regex = "atom|json"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FeedForm, "feed")

urlpatterns: list[URLPattern] = [
    path("feed.<feed:form>", stories.stories, name="feed"),
    path("issues/feed.<feed:form>", issues.issues, name="issues_feed"),
    path("corrections/feed.<feed:form>", issues.corrections, name="corrections_feed"),
    path("sections/<slug:slug>/feed.<feed:form>", stories.section, name="section_feed"),
    path("topics/<str:slugs>/feed.<feed:form>", stories.topics, name="topics_feed"),
    path("authors/<slug:slug>/feed.<feed:form>", stories.author, name="author_feed"),
    path("search/feed.<feed:form>", stories.search, name="search_feed"),
    path("papers/feed.<feed:form>", lists.papers, name="papers_feed"),
    path("resources/feed.<feed:form>", lists.resources, name="resources_feed"),
    path("sitemap.xml", sitemaps.index, name="sitemap_index"),
    path("sitemap-lists.xml", sitemaps.sitemap_of_lists, name="sitemap_of_lists"),
    path("sitemap-<slug:name>-<int:block>.xml", sitemaps.sitemap, name="sitemap"),
    path("robots.txt", site_files.robots, name="robots"),
    path("llms.txt", site_files.llms, name="llms"),
    path(".well-known/security.txt", site_files.security, name="security"),
    path("api/v1", api.start, name="api"),
    path("api/v1/openapi.json", api.description, name="api_description"),
    path("api/v1/stories", api.stories, name="api_stories"),
    path("api/v1/stories/<slug:slug>", api.story, name="api_story"),
    path("api/v1/issues", api.issues, name="api_issues"),
    path("api/v1/issues/<int:number>", api.issue, name="api_issue"),
    path("api/v1/sections", api.sections, name="api_sections"),
    path("api/v1/topics", api.topics, name="api_topics"),
    path("api/v1/topics/<str:slug>", api.topic, name="api_topic"),
    path("api/v1/papers", api.papers, name="api_papers"),
    path("api/v1/papers/<slug:slug>", api.paper, name="api_paper"),
    path("api/v1/corrections", api.corrections, name="api_corrections"),
    re_path(r"^api/", api.nothing),  # whatever follows, be it a newline, where <path:…> ends
]
