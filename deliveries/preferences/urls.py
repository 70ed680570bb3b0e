from django.urls import path

from deliveries.preferences import views

app_name = "preferences"
urlpatterns = [
    path("confirm-address/<token>/", views.confirm_address, name="confirm_address"),
    path("<token>/", views.page, name="page"),
    path("<token>/stories/", views.choose, name="choose"),
    path("<token>/pause/", views.pause, name="pause"),
    path("<token>/resume/", views.resume, name="resume"),
    path("<token>/link/", views.send_link, name="send_link"),
    path("<token>/address/", views.move, name="move"),
    path("<token>/data/", views.data, name="data"),
    path("<token>/unsubscribe/", views.unsubscribe, name="unsubscribe"),
    path("<token>/return/", views.come_back, name="come_back"),
    path("<token>/erase/", views.erase, name="erase"),
]
