from django.urls import URLPattern, path

from issues import machine_urls, paper_urls
from issues.views import archive, cards, corrections, search, threads, topics

app_name = "issues"
urlpatterns: list[URLPattern] = [
    path("", archive.home, name="home"),
    path("issues/", archive.issues, name="issues"),
    path("issues/<int:number>/", archive.issue, name="issue"),
    path("years/<int:year>/", archive.year, name="year"),
    path("stories/<slug:slug>/", archive.story, name="story"),
    path("stories/<slug:slug>/thread/", threads.thread, name="thread"),
    path("stories/<slug:slug>/card-<slug:digest>.png", cards.story, name="story_card"),
    path("issues/<int:number>/card-<slug:digest>.png", cards.issue, name="issue_card"),
    path("topics/", topics.topics, name="topics"),
    path("topics/<str:slug>/", topics.topic, name="topic"),
    path("sections/<slug:slug>/", archive.section, name="section"),
    path("corrections/", corrections.corrections, name="corrections"),
    path("search/", search.search, name="search"),
    path("theme.css", archive.theme, name="theme"),
    *machine_urls.urlpatterns,  # before the bibliographies, which papers/feed.json would be one of
    *paper_urls.urlpatterns,
]
