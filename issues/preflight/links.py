"""Checks of the addresses that readers can follow, by what the last look at each found: nothing is asked from here."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from issues.html_tree import Element, parse
from issues.models import Issue, Story
from issues.preflight.findings import Finding, error, warning
from issues.preflight.material import Material, address_of, capitalised
from papers import link_health, tasks
from papers.errors import BadIdentifier
from papers.identifiers import normalise_address
from papers.models import CheckedLink, Resource, ResourceState, TextLink

HERE_ONLY = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")


@dataclass(frozen=True)
class Place:
    """Where an address stands."""

    name: str
    address: str


def links_are_for_everybody(material: Material) -> Iterator[Finding]:
    """Not to the writer's own machine or network."""
    for url, place in addresses(material).items():
        if leads_inside(url):
            yield error(
                f"{capitalised(place.name)} links to {url}, which only works on your own machine or network.",
                "Put the public address there.",
                place.address,
            )


def links_work(material: Material) -> Iterator[Finding]:
    """Two queries."""
    places = {url: place for url, place in addresses(material).items() if not leads_inside(url)}
    links = found(list(places))
    unchecked = [url for url in places if url not in links or links[url].state == ResourceState.UNCHECKED]
    for url, link in links.items():
        place = places[url]
        if link.state == ResourceState.DEAD:
            yield warning(
                f"{capitalised(place.name)} links to {url}, which is dead. {link.finding}",
                "Correct the address, or link to an archived copy.",
                place.address,
            )
        elif link.state == ResourceState.FAILING:
            yield warning(
                f"{capitalised(place.name)} links to {url}, which fails for now. {link.finding}",
                "Try it yourself, and check it again.",
                place.address,
            )
        elif link.state == ResourceState.REDIRECTED:
            yield warning(
                f"{capitalised(place.name)} links to {url}, which leads on to {link.final_url}.",
                "Put the new address there.",
                place.address,
            )
    if unchecked:
        yield warning(
            f"{len(unchecked)} link{' was' if len(unchecked) == 1 else 's were'} not looked at yet: "
            f"{', '.join(sorted(unchecked)[:3])}{' …' if len(unchecked) > 3 else ''}.",
            "Have the links checked with the button above, and come back in a few minutes.",
            material.page,
            what="\n".join(sorted(unchecked)),
        )


def addresses(material: Material) -> dict[str, Place]:
    """The addresses elsewhere of texts and resources, normalised, each with the first place that has it."""
    places: dict[str, Place] = {}
    for text in material.texts:
        for url in addresses_in(text.tree):
            places.setdefault(url, Place(text.name, text.address))
    for story in material.stories:
        for row in story.story_resources.all():
            places.setdefault(row.resource.url, Place(f"the story “{story.title}”", address_of(row.resource, "url")))
    return places


def addresses_in(tree: Element) -> Iterator[str]:
    for link in tree.find("a"):
        try:
            url = normalise_address(link.attributes.get("href", ""))
        except BadIdentifier:  # a place within the site or the page, or a mail address
            continue
        if not url.startswith(f"{settings.SITE_URL}/"):
            yield url


def found(urls: list[str]) -> dict[str, CheckedLink]:
    """What is known of these addresses; a resource's row goes before that of a text."""
    links: dict[str, CheckedLink] = {link.url: link for link in TextLink.objects.filter(url__in=urls)}
    return links | {resource.url: resource for resource in Resource.objects.filter(url__in=urls)}


def leads_inside(url: str) -> bool:
    """Whether the host can't be a public one, by its name alone."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or f".{host}".endswith(HERE_ONLY)


def watch_links() -> None:
    """Have the links of all issues to come looked at, as their texts were last rendered. Four queries."""
    issues = Issue.objects.to_come()
    texts = [html for row in issues.values_list("intro_html", "outro_html") for html in row]
    texts += Story.objects.filter(issue__in=issues).values_list("body_html", flat=True)
    urls = {url for html in texts for url in addresses_in(parse(html))}
    link_health.watch([url for url in urls if not leads_inside(url)], timezone.now())


def check_again(material: Material) -> int:
    """Have all links of an issue looked at anew, at once; return how many. Up to six queries."""
    watch_links()
    urls = [url for url in addresses(material) if not leads_inside(url)]
    for model in (TextLink, Resource):
        model.objects.filter(url__in=urls).update(**link_health.UNCHECKED)
    # Robust: if the broker is away, the next hourly run looks at them.
    transaction.on_commit(tasks.check_links.delay, robust=True)
    return len(urls)
