from django.urls import URLPattern, path

from deliveries import as_mailed, views

app_name = "deliveries"
urlpatterns: list[URLPattern] = [
    path("issues/<int:number>/as-mailed/", as_mailed.as_mailed, name="as_mailed"),
    path("issues/<int:number>/as-mailed/html/", as_mailed.as_mailed_html, name="as_mailed_html"),
    path("mail/", views.mailbox, name="mailbox"),
    path("mail/test/unsubscribe/", views.sample_unsubscribe, name="sample_unsubscribe"),
    path("mail/<str:key>/", views.mail, name="mail"),
    path("mail/<str:key>/html/", views.html, name="html"),
    path("mail/<str:key>/raw/", views.raw, name="raw"),
]
