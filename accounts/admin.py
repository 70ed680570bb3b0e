"""Who may do what, with a trail of each change."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.sessions import end_sessions
from audit.models import Action
from audit.recording import record

# Their pages would show the keys of others.
admin.site.unregister([StaticDevice, TOTPDevice, User])


@admin.register(User)
class StaffUserAdmin(UserAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = User.objects.filter(pk=obj.pk).first() if change else None
        obj.roles_before = roles(before) if before else set()  # type: ignore[attr-defined]  # For save_related.
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles are complete only now. Who lost one is logged out everywhere."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        before: set[str] = user.roles_before
        after = roles(User.objects.get(pk=user.pk))
        if before == after:
            return
        changes = [f"+{role}" for role in sorted(after - before)] + [f"-{role}" for role in sorted(before - after)]
        record(Action.ROLE_CHANGED, user, by=request.user, note=", ".join(changes))
        if before - after:
            end_sessions(user)


def roles(user: User) -> set[str]:
    """All that gives permissions, in words. Two queries."""
    flags = {"active": user.is_active, "staff": user.is_staff, "superuser": user.is_superuser}
    groups = {f"group {name}" for name in user.groups.values_list("name", flat=True)}
    permissions = {f"permission {name}" for name in user.user_permissions.values_list("codename", flat=True)}
    return {name for name, is_set in flags.items() if is_set} | groups | permissions
