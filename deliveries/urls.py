from django.urls import URLPattern, path

from deliveries import views

app_name = "deliveries"
urlpatterns: list[URLPattern] = [
    path("", views.mailbox, name="mailbox"),
    path("test/unsubscribe/", views.sample_unsubscribe, name="sample_unsubscribe"),
    path("<str:key>/", views.mail, name="mail"),
    path("<str:key>/html/", views.html, name="html"),
    path("<str:key>/raw/", views.raw, name="raw"),
]
