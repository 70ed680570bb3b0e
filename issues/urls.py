from django.urls import URLPattern, path

from issues import machine_urls, paper_urls, views, views_corrections, views_search

app_name = "issues"
urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("issues/", views.issues, name="issues"),
    path("issues/<int:number>/", views.issue, name="issue"),
    path("stories/<slug:slug>/", views.story, name="story"),
    path("topics/", views.topics, name="topics"),
    path("topics/<str:slug>/", views.topic, name="topic"),
    path("sections/<slug:slug>/", views.section, name="section"),
    path("corrections/", views_corrections.corrections, name="corrections"),
    path("search/", views_search.search, name="search"),
    path("theme.css", views.theme, name="theme"),
    *machine_urls.urlpatterns,  # before the bibliographies, which papers/feed.json would be one of
    *paper_urls.urlpatterns,
]
