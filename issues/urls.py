from django.urls import URLPattern, path

from issues import (
    machine_urls,
    paper_urls,
    views,
    views_cards,
    views_corrections,
    views_search,
    views_threads,
    views_topics,
)

app_name = "issues"
urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("issues/", views.issues, name="issues"),
    path("issues/<int:number>/", views.issue, name="issue"),
    path("years/<int:year>/", views.year, name="year"),
    path("stories/<slug:slug>/", views.story, name="story"),
    path("stories/<slug:slug>/thread/", views_threads.thread, name="thread"),
    path("stories/<slug:slug>/card-<slug:digest>.png", views_cards.story, name="story_card"),
    path("issues/<int:number>/card-<slug:digest>.png", views_cards.issue, name="issue_card"),
    path("topics/", views_topics.topics, name="topics"),
    path("topics/<str:slug>/", views_topics.topic, name="topic"),
    path("sections/<slug:slug>/", views.section, name="section"),
    path("corrections/", views_corrections.corrections, name="corrections"),
    path("search/", views_search.search, name="search"),
    path("theme.css", views.theme, name="theme"),
    *machine_urls.urlpatterns,  # before the bibliographies, which papers/feed.json would be one of
    *paper_urls.urlpatterns,
]
