import datetime
import re
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import dateformat
from django.utils.text import slugify

from papers.errors import BadIdentifier
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi, parse_isbn
from papers.json_rows import JSONRows
from papers.models.author import Author
from papers.models.lookup import Lookup, LookupState
from papers.models.resource import Resource
from papers.slugs import free_slug

EDTF_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


def is_edtf_date(text: str) -> bool:
    """Whether it is a year, a month or a day of the calendar: 2020, 2020-05 or 2020-05-28."""
    if not EDTF_DATE.fullmatch(text):
        return False
    try:
        datetime.date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        return False
    return True


class PaperType(models.TextChoices):
    """The types of CSL 1.0.2 that papers have; a document is what has another."""

    PREPRINT = "article", "Preprint"
    JOURNAL = "article-journal", "Journal article"
    CONFERENCE = "paper-conference", "Conference paper"
    REPORT = "report", "Report"
    CHAPTER = "chapter", "Chapter"
    BOOK = "book", "Book"
    THESIS = "thesis", "Thesis"
    WEBPAGE = "webpage", "Web page"
    DATASET = "dataset", "Data set"
    SOFTWARE = "software", "Software"
    DOCUMENT = "document", "Document"


class PaperQuerySet(models.QuerySet["Paper"]):
    def with_authors(self) -> Self:
        """With authors in order, in one further query."""
        return self.prefetch_related(models.Prefetch("authorships", Authorship.objects.select_related("author")))

    def for_list(self) -> Self:
        """With `author_rows`: given, family and suffix of the first four authors, of whom a list names three."""
        authors = Authorship.objects.filter(paper=models.OuterRef("pk")).order_by("position")[:4]
        names = {"given": "author__given", "family": "author__family", "suffix": "author__suffix"}
        return self.annotate(author_rows=JSONRows(authors, **names)).defer("abstract")

    def with_author_rows(self) -> Self:
        """With all authors in the same query, for `authors_in_order()`."""
        authors = Authorship.objects.filter(paper=models.OuterRef("pk")).order_by("position")
        names = {name: f"author__{name}" for name in ("given", "family", "suffix", "slug")}
        return self.annotate(all_author_rows=JSONRows(authors, **names))

    def not_found(self) -> Self:
        """Those whose last lookup failed, with its `lookup_message`."""
        failed = Lookup.objects.filter(state=LookupState.FAILED).values("paper")  # few, so that few are looked at
        newest = Lookup.objects.filter(paper=models.OuterRef("pk"))
        papers = self.filter(pk__in=failed).alias(lookup_state=models.Subquery(newest.values("state")[:1]))
        papers = papers.annotate(lookup_message=models.Subquery(newest.values("message")[:1]))
        return papers.filter(lookup_state=LookupState.FAILED)

    def identified_by(self, identifier: str) -> Self:
        """Those with this arXiv identifier or DOI, in any form that people write. Raises BadIdentifier."""
        if looks_like_arxiv(identifier):
            return self.known_by("arxiv_id", parse_arxiv_id(identifier).id)
        return self.known_by("doi", parse_doi(identifier))

    def known_by(self, name: str, identifier: str) -> Self:
        """The one whose field `name`, `arxiv_id` or `doi`, is this identifier, or was that of a paper merged into it.

        A union, as PostgreSQL answers an OR over two tables by reading all papers.
        """
        same = {name: identifier}
        papers = Paper.objects.order_by().filter(**same).values("pk")
        return self.filter(pk__in=papers.union(PaperAlias.objects.filter(**same).values("paper")))


class Paper(models.Model):
    """A bibliographic record: one for a preprint and its published version. Names of fields are CSL's, or arXiv's."""

    slug = models.SlugField(max_length=120, unique=True, help_text="Part of the permanent address.")
    type = models.CharField(max_length=20, choices=PaperType, default=PaperType.PREPRINT)
    title = models.CharField(
        max_length=500, blank=True, help_text="Empty until it is known: the identifier stands for it."
    )
    abstract = models.TextField(blank=True)
    arxiv_id = models.CharField("arXiv", max_length=32, unique=True, null=True, blank=True)
    arxiv_version = models.PositiveSmallIntegerField("arXiv version last seen", null=True, blank=True)
    doi = models.CharField("DOI", max_length=255, unique=True, null=True, blank=True)
    isbn = models.CharField("ISBN", max_length=30, blank=True, help_text="Of a book. Stored as its 13 digits.")
    url = models.URLField("address", max_length=2000, blank=True)
    container_title = models.CharField("venue", max_length=300, blank=True, help_text="Journal, proceedings or series.")
    publisher = models.CharField(max_length=200, blank=True)
    volume = models.CharField(max_length=40, blank=True)
    number = models.CharField("issue", max_length=40, blank=True)
    page = models.CharField("pages", max_length=40, blank=True)
    issued = models.CharField(
        max_length=10,
        blank=True,
        validators=[RegexValidator(rf"^{EDTF_DATE.pattern}$", "Write the date as 2020, 2020-05 or 2020-05-28.")],
        help_text="As exact as it is known: 2020, 2020-05 or 2020-05-28.",
    )
    authors = models.ManyToManyField(Author, through="Authorship", related_name="papers")
    resources = models.ManyToManyField(Resource, related_name="papers", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PaperQuerySet.as_manager()

    class Meta:
        ordering = ["-issued", "title", "pk"]
        indexes = [models.Index(fields=["-issued", "title", "id"], name="papers_in_order")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(arxiv_id__isnull=False)
                | models.Q(doi__isnull=False)
                | ~models.Q(isbn="")
                | ~models.Q(title=""),
                name="paper_has_identifier_or_title",
            ),
            models.CheckConstraint(
                condition=~models.Q(arxiv_id="") & ~models.Q(doi=""), name="paper_identifiers_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(doi=Lower("doi")) | models.Q(doi__isnull=True), name="paper_doi_lower"
            ),
            models.CheckConstraint(condition=models.Q(type__in=PaperType.values), name="paper_type_known"),
        ]

    def __str__(self) -> str:
        return self.title or self.identifier or f"ISBN {self.isbn}"

    def get_absolute_url(self) -> str:
        return reverse("issues:paper", args=[self.slug])

    def clean(self) -> None:
        """Normalise the identifiers, so that each is stored in one form only; arXiv's own DOI says the arXiv one."""
        if self.doi and looks_like_arxiv(self.doi):
            self.arxiv_id, self.doi = self.arxiv_id or self.doi, None
        try:
            if self.arxiv_id:
                parsed = parse_arxiv_id(self.arxiv_id)
                self.arxiv_id, self.arxiv_version = parsed.id, parsed.version or self.arxiv_version
        except BadIdentifier as error:
            raise ValidationError({"arxiv_id": str(error)}) from error
        try:
            self.doi = parse_doi(self.doi) if self.doi else None
        except BadIdentifier as error:
            raise ValidationError({"doi": str(error)}) from error
        try:
            self.isbn = parse_isbn(self.isbn) if self.isbn else ""
        except BadIdentifier as error:
            raise ValidationError({"isbn": str(error)}) from error
        self.arxiv_id = self.arxiv_id or None
        if self.issued and not is_edtf_date(self.issued):
            raise ValidationError({"issued": f"There is no such day as {self.issued}."})
        if not (self.arxiv_id or self.doi or self.isbn or self.title):
            raise ValidationError("A paper needs an arXiv identifier, a DOI or a title.")
        self.slug = self.slug or self.make_slug()

    def make_slug(self) -> str:
        """The usual slug, or a free one like it. One query or more."""
        return free_slug(Paper.objects.exclude(pk=self.pk), self.usual_slug, PaperAlias.objects.exclude(paper=self.pk))

    @property
    def usual_slug(self) -> str:
        """Made from the identifier, else from the title."""
        name = self.identifier.replace(":", "-") or self.title or f"isbn-{self.isbn}"
        return slugify(re.sub(r"[./_]", "-", name))[:110] or "paper"

    @property
    def identifier(self) -> str:
        """The identifier that stands for the paper in the digest's files: arXiv first, then DOI, then nothing."""
        if self.arxiv_id:
            return f"arXiv:{self.arxiv_id}"
        return f"doi:{self.doi}" if self.doi else ""

    @property
    def year(self) -> str:
        return self.issued[:4]

    @property
    def issued_with_slashes(self) -> str:
        """2020/05/28, as citation_publication_date takes it."""
        return self.issued.replace("-", "/")

    @property
    def first_page(self) -> str:
        return re.split("[‐-―-]", self.page)[0].strip()

    @property
    def last_page(self) -> str:
        _, *rest = re.split("[‐-―-]+", self.page)
        return rest[-1].strip() if rest else ""

    @property
    def issued_in_words(self) -> str:
        """28 May 2020, May 2020 or 2020: as exact as it is known."""
        if not self.issued:
            return ""
        first_day = datetime.date.fromisoformat(self.issued + "-01-01"[len(self.issued) - 4 :])
        return dateformat.format(first_day, {4: "Y", 7: "F Y", 10: "j F Y"}[len(self.issued)])

    @property
    def link(self) -> str:
        """Where the paper can be read, best address first."""
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return self.arxiv_url or self.url

    @property
    def arxiv_url(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv_id}" if self.arxiv_id else ""

    def authors_in_order(self) -> list[Author]:
        """No query after `with_authors()` or `with_author_rows()`; otherwise one, and one for each author."""
        rows = getattr(self, "all_author_rows", None)
        if rows is not None:
            return [Author(**names) for names in rows]
        return [authorship.author for authorship in self.authorships.all()]


class PaperAlias(models.Model):
    """The slug and identifiers of a paper that was merged into another: each leads to the other."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="aliases")
    slug = models.SlugField(max_length=120, unique=True)
    arxiv_id = models.CharField("arXiv", max_length=32, unique=True, null=True, blank=True)
    doi = models.CharField("DOI", max_length=255, unique=True, null=True, blank=True)

    class Meta:
        verbose_name_plural = "paper aliases"

    def __str__(self) -> str:
        return self.slug


class Authorship(models.Model):
    """That somebody is an author of a paper, at a place in its list."""

    paper = models.ForeignKey(Paper, models.CASCADE, related_name="authorships")
    author = models.ForeignKey(Author, models.PROTECT, related_name="authorships")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["paper", "position"], name="one_author_per_position")]

    def __str__(self) -> str:
        return f"{self.author} ({self.position})"
