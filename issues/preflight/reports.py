"""Running the checks, and passing warnings with a reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import User
from django.db import transaction

from audit.models import Action
from audit.recording import record
from issues.errors import BadMarkdown, NotReady
from issues.models import Issue, Waiver
from issues.preflight import CHECKS
from issues.preflight.findings import Finding, error
from issues.preflight.material import Material, address_of, gather
from issues.writing import hold

Check = Callable[[Material], Iterator[Finding]]


@dataclass(frozen=True)
class Report:
    """All that was found: what blocks, what wants a reason, and what was given one."""

    errors: list[Finding]
    warnings: list[Finding]
    passed: list[tuple[Finding, Waiver]]
    material: Material | None  # None if a text can't be read at all

    @property
    def is_ready(self) -> bool:
        return not self.errors and not self.warnings

    @property
    def reasons(self) -> list[str]:
        """What stands in the way, a sentence each, errors first."""
        waiting = [f"{finding.sentence} Mend it, or pass the warning with a reason." for finding in self.warnings]
        return [*(f"{finding.sentence} {finding.advice}".strip() for finding in self.errors), *waiting]


def examine(issue: Issue, checks: Sequence[Check] = CHECKS) -> Report:
    """Look at the issue as it is stored. A number of queries that doesn't grow with its stories."""
    try:
        material = gather(issue)
        findings = [replace(each, check=check.__name__) for check in checks for each in check(material)]
    except BadMarkdown as bad:
        unreadable = error(f"A text of the issue can’t be read. {bad}", "", address_of(issue))
        return Report([replace(unreadable, check="texts_can_be_read")], [], [], None)
    findings = list({finding.key: finding for finding in findings}.values())
    waivers = {waiver.key: waiver for waiver in issue.waivers.select_related("passed_by")}
    warnings = [finding for finding in findings if not finding.blocks]
    return Report(
        errors=[finding for finding in findings if finding.blocks],
        warnings=[finding for finding in warnings if finding.key not in waivers],
        passed=[(finding, waivers[finding.key]) for finding in warnings if finding.key in waivers],
        material=material,
    )


@transaction.atomic
def pass_warning(issue: Issue, key: str, reason: str, by: User) -> Waiver:
    """Keep the reason for which a warning is passed. Raises NotReady if there is no such warning, or no reason."""
    reason = reason.strip()
    if not reason:
        raise NotReady(["A warning is passed with a reason. Write why it is all right."])
    hold(Issue.objects.filter(pk=issue.pk))  # Of two who pass it at once, the second is told.
    finding = next((each for each in examine(issue).warnings if each.key == key), None)
    if finding is None:
        raise NotReady(["This warning is gone or was passed already. Look at the list as it is now."])
    waiver = Waiver.objects.create(
        issue=issue, key=key, check_name=finding.check, sentence=finding.sentence, reason=reason, passed_by=by
    )
    record(Action.WAIVED, issue, by=by, note=f"{finding.sentence} Reason: {reason}")
    return waiver


@transaction.atomic
def take_back(waiver: Waiver, by: User) -> None:
    """Let a warning that was passed stand in the way again."""
    record(Action.WAIVED, waiver.issue, by=by, note=f"Taken back: {waiver.sentence}")
    waiver.delete()
