from django.urls import path

from subscribers import views

app_name = "subscribers"
urlpatterns = [
    path("subscribe/", views.sign_up, name="signup"),
    path("subscribe/check-your-mailbox/", views.check_mailbox, name="check_mailbox"),
    path("subscribe/link/", views.ask_for_link, name="ask_for_link"),
    path("subscribe/confirm/<token>/", views.confirm, name="confirm"),
    path("unsubscribe/<token>/", views.unsubscribe, name="unsubscribe"),
]
