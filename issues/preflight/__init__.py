"""What is looked at before an issue goes out. Each check is a function; a new one takes its place in one of these lists."""

from issues.preflight import dates, emails, links, papers, stories, texts

# What keeps an issue from being shown at all, however old it is.
SHOWABLE = [
    stories.issue_has_stories,
    stories.stories_are_approved,
    texts.texts_can_be_rendered,
    texts.pictures_are_there,
    texts.pictures_have_words,
]
OF_THE_PAGE = [
    *SHOWABLE,
    stories.stories_have_a_topic,
    stories.stories_have_a_summary,
    stories.titles_differ,
    stories.usual_sections_are_filled,
    texts.nothing_is_to_come,
    texts.references_lead_somewhere,
    texts.texts_say_what_they_mean,
    texts.links_have_words,
    texts.headings_have_a_text,
    texts.pictures_are_light,
    papers.papers_have_a_title,
    papers.papers_are_in_their_newest_version,
    papers.papers_are_not_retracted,
    papers.papers_are_new,
    papers.resources_are_new,
    links.links_are_for_everybody,
    links.links_work,
    dates.year_is_this_one,
    dates.date_follows_the_last_issue,
    dates.date_is_near,
    dates.weekday_is_the_usual_one,
]
CHECKS = [
    *OF_THE_PAGE,
    emails.sender_has_an_address,
    emails.subject_fits,
    emails.preheader_fits,
    emails.html_is_small_enough,
    emails.css_is_known,
]
