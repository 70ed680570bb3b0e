from issues.models.history import Correction, Revision
from issues.models.image import Image
from issues.models.issue import Issue, IssueQuerySet, IssueState
from issues.models.publication import Publication, Section
from issues.models.search import SearchEntry, SearchKind, SearchText, SearchWord
from issues.models.story import Reference, Story, StoryPaper, StoryQuerySet, StoryResource, StoryState
from issues.models.topic import StoryTopic, Topic, TopicAlias, TopicQuerySet, TopicYear
from issues.models.version import SiteVersion
from issues.models.waiver import Waiver
from issues.models.writing import Comment, Draft

__all__ = [
    "Comment",
    "Correction",
    "Draft",
    "Image",
    "Issue",
    "IssueQuerySet",
    "IssueState",
    "Publication",
    "Reference",
    "Revision",
    "SearchEntry",
    "SearchKind",
    "SearchText",
    "SearchWord",
    "Section",
    "SiteVersion",
    "Story",
    "StoryPaper",
    "StoryQuerySet",
    "StoryResource",
    "StoryState",
    "StoryTopic",
    "Topic",
    "TopicAlias",
    "TopicQuerySet",
    "TopicYear",
    "Waiver",
]
