"""The groups that come with the project: who may do what, as plain data."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

WRITER = {
    "issues": "view_publication view_section view_issue view_topic view_topicalias view_revision view_correction "
    "view_story add_story change_story view_image add_image "
    "view_storypaper add_storypaper change_storypaper delete_storypaper "
    "view_storyresource add_storyresource change_storyresource delete_storyresource",
    "papers": "view_paper add_paper change_paper view_author add_author change_author "
    "view_authorship add_authorship change_authorship delete_authorship view_resource add_resource change_resource "
    "view_paperupdate",
}
EDITOR = {
    "issues": "delete_story approve_story add_issue change_issue delete_issue "
    "add_section change_section delete_section add_topic change_topic delete_topic "
    "add_topicalias change_topicalias delete_topicalias change_correction delete_correction delete_image",
    "deliveries": "view_mailing add_mailing view_delivery",  # To add a mailing is to approve and test it, not to send it.
    "papers": "delete_paper delete_author delete_resource add_paperupdate change_paperupdate delete_paperupdate",
}
PUBLISHER = {
    "audit": "view_entry",
    "issues": "change_publication publish_issue",
    "deliveries": "send_mailing change_delivery",
    "subscribers": "view_subscriber add_subscriber change_subscriber view_consentevent",
}
GROUPS = {"writer": [WRITER], "editor": [WRITER, EDITOR], "publisher": [WRITER, EDITOR, PUBLISHER]}


def fill_groups(sender: AppConfig, *, using: str, **kwargs: Any) -> None:
    """Give each group what it lacks; what an operator added stays. Runs after each migration.

    Permissions of apps that come later are made here: their own turn is after ours.
    """
    for label in PUBLISHER:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    create_permissions(apps.get_app_config("papers"), verbosity=0, using=using)
    for name, grants in GROUPS.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        for grant in grants:
            for label, codenames in grant.items():
                group.permissions.add(
                    *Permission.objects.using(using).filter(
                        content_type__app_label=label, codename__in=codenames.split()
                    )
                )
