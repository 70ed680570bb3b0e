"""Checks of the papers and resources that the stories are about."""

from collections.abc import Iterator

from issues.models import Story, StoryPaper, StoryResource
from issues.preflight.findings import Finding, warning
from issues.preflight.material import Material, address_of
from papers.models import Decision, FieldProposal, Paper, PaperUpdate, ResourceKind, UpdateKind

# What a digest comes back to: the same code or data set stands under many stories.
LASTING = {
    ResourceKind.CODE,
    ResourceKind.DATASET,
    ResourceKind.DEMO,
    ResourceKind.MODEL_CARD,
    ResourceKind.TOOL,
}


def papers_of(material: Material) -> dict[int, tuple[Paper, Story]]:
    """Each paper with the first story that is about it."""
    found: dict[int, tuple[Paper, Story]] = {}
    for story in material.stories:
        for paper in story.papers.all():
            found.setdefault(paper.pk, (paper, story))
    return found


def papers_have_a_title(material: Material) -> Iterator[Finding]:
    for paper, story in papers_of(material).values():
        if not paper.title:
            yield warning(
                f"The paper {paper} of “{story.title}” has no title yet.",
                "Look it up again, or type it in.",
                address_of(paper, "title"),
            )


def papers_are_in_their_newest_version(material: Material) -> Iterator[Finding]:
    """Of those that arXiv told us of at the last lookup. One query."""
    papers = papers_of(material)
    for proposal in FieldProposal.objects.filter(paper__in=papers, field="arxiv_version", state=Decision.PROPOSED):
        paper, story = papers[proposal.paper_id]
        if paper.arxiv_version and int(proposal.value) > paper.arxiv_version:
            yield warning(
                f"arXiv has version {proposal.value} of “{paper}”; “{story.title}” was written of version "
                f"{paper.arxiv_version}.",
                "See what has changed, then accept the new version on the paper’s page.",
                address_of(paper),
            )


def papers_are_not_retracted(material: Material) -> Iterator[Finding]:
    """Whatever was decided of the news. One query."""
    papers = papers_of(material)
    for update in PaperUpdate.objects.filter(paper__in=papers, kind=UpdateKind.RETRACTED):
        paper, story = papers[update.paper_id]
        yield warning(
            f"“{paper}”, which “{story.title}” is about, was retracted.",
            "Say so in the story, or leave it out.",
            address_of(story, "body"),
        )


def papers_are_new(material: Material) -> Iterator[Finding]:
    """Not told of before, unless the story says where. One query."""
    papers = papers_of(material)
    earlier = StoryPaper.objects.public().filter(paper__in=papers).exclude(story__issue=material.issue)
    for row in earlier.select_related("story__issue"):
        paper, story = papers[row.paper_id]
        if not refers_to(material, story, row.story):
            yield warning(
                f"“{paper}” was covered already, in “{row.story.title}” ({place_of(material, row.story)}).",
                f"Refer to it with [[{row.story.slug}]], or leave the paper out.",
                address_of(story, "body"),
            )


def resources_are_new(material: Material) -> Iterator[Finding]:
    """News that an earlier story linked to, unless the story says where; what lasts may come again. One query."""
    here = {row.resource_id: story for story in material.stories for row in story.story_resources.all()}
    earlier = StoryResource.objects.filter(resource__in=here, story__in=Story.objects.published())
    earlier = earlier.exclude(story__issue=material.issue).exclude(resource__kind__in=LASTING)
    for row in earlier.select_related("story__issue", "resource"):
        story = here[row.resource_id]
        if not refers_to(material, story, row.story):
            yield warning(
                f"The link “{row.resource.title}” of “{story.title}” stood under “{row.story.title}” already "
                f"({place_of(material, row.story)}).",
                f"Refer to it with [[{row.story.slug}]], or leave the link out.",
                address_of(story, "body"),
            )


def refers_to(material: Material, story: Story, earlier: Story) -> bool:
    keys = {earlier.slug} | ({f"#{earlier.issue.number}"} if earlier.issue else set())
    text = next(text for text in material.texts if text.story == story)
    return any(reference.key in keys for reference in text.rendered.references)


def place_of(material: Material, story: Story) -> str:
    return f"{material.publication.short_name} #{story.issue.number}" if story.issue else "in the queue"
