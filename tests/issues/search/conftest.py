"""A small archive whose answers can be told by reading it."""

import datetime

import pytest
from django.utils import timezone

from issues.models import TopicAlias
from papers.models import Author, Authorship, Paper, Resource


@pytest.fixture
def archive(make_issue, make_section, make_story, make_topic, make_paper):
    now = timezone.now()
    first = make_issue(number=1, date=datetime.date(2019, 3, 10), published_at=now)
    second = make_issue(number=2, date=datetime.date(2020, 6, 7), published_at=now)
    third = make_issue(number=3, date=datetime.date(2021, 1, 17), published_at=now)
    research, tools = make_section("Machine Learning Research", position=1), make_section("Cool Things", position=2)
    models, vision, ethics = make_topic("language models"), make_topic("computer vision"), make_topic("AI ethics")
    TopicAlias.objects.create(topic=models, name="LLMs", slug="llms")
    few_shot = make_paper(abstract="Scaling up improves few-shot performance.", arxiv_id="2005.14165")
    author(few_shot, "Tom B.", "Brown")
    clip = make_paper("Learning Transferable Visual Models", arxiv_id="2103.00020", issued="2021-02")
    author(clip, "Bernhard", "Schölkopf")
    code = Resource.objects.create(url="https://github.com/openai/CLIP", title="openai/CLIP", kind="code")
    demo = Resource.objects.create(url="https://example.org/drawing", title="Draw with words", kind="demo")
    make_story(
        "GPT-3 learns from the prompt",
        issue=second,
        section=research,
        topics=[models],
        papers=[few_shot],
        summary="A model that needs few examples.",
        body="OpenAI trained a transformer with 175 billion parameters. Attention is all you need, they say.",
    )
    make_story(
        "Words into pictures",
        issue=third,
        section=research,
        topics=[vision, models],
        papers=[clip],
        resources=[code, demo],
        body="DALL·E draws and CLIP judges; both are transformers from OpenAI. The model’s taste is CLIP's.",
    )
    make_story(
        "Robots in a café",
        issue=first,
        section=tools,
        topics=[vision],
        body="Naïve robots pour espresso in Zürich. Coffee there is the state of the art.",
    )
    make_story(
        "Datasheets for data sets",
        issue=first,
        section=research,
        topics=[ethics],
        body="The art of the state is to write things down. Universities do, and Google did for its models.",
    )
    make_story(
        "AlphaFold 2 folds proteins",
        issue=third,
        section=tools,
        topics=[],
        body="DeepMind’s AlphaFold2 predicts how proteins fold. A university in London helped. No transformers? Yes, one.",
    )
    make_story("A secret transformer", issue=make_issue(number=4), topics=[models])
    make_story("Tomorrow’s transformer", issue=make_issue(number=5, published_at=now + datetime.timedelta(days=1)))
    make_story("A transformer in the queue")


def author(paper: Paper, given: str, family: str) -> None:
    paper.authorships.all().delete()
    Authorship.objects.create(paper=paper, author=Author.objects.named(family, given), position=0)
