"""Staff, and how they fill in the admin's forms: as a browser does, all that the page shows is sent back, with changes."""

from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse


def member_of(group):
    """A user of staff in one of the groups that come with the migrations."""
    user = User.objects.create_user(f"a-{group}", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def permitted(*codenames):
    """A user of staff who may do this and nothing else."""
    user = User.objects.create_user("staff", "staff@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def change(row):
    """The address of the page on which the admin changes a row."""
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])


def fill(page, **changes):
    forms = [page.context["adminform"].form]
    data = {}
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                data[field.html_name] = value if not isinstance(value, list) else [getattr(v, "pk", v) for v in value]
    return data | changes


def save(client, address, **changes):
    """Open a form, change it and send it; return the page that follows."""
    page = client.get(address)
    assert page.status_code == 200
    return client.post(address, fill(page, **changes), follow=True)


def errors(page):
    """All that the page refuses, in one string."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += inline.formset.forms
    return " ".join(str(form.errors) for form in forms)


def messages(page):
    return [str(message) for message in page.context["messages"]]
