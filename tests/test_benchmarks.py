"""The benchmarks make what they send by the project's own functions, so they have to keep up with it."""

import pytest

from benchmarks import site
from deliveries import sending
from deliveries.models import Mailing
from subscribers.models import Subscriber


@pytest.mark.django_db
def test_what_the_benchmarks_send_passes_every_check_and_has_the_usual_size(mailoutbox):
    site.make_readers(3)
    for number in range(1, 7):
        mailing = site.make_mailing(number)
        site.start(mailing)
        while sending.send_batch(mailing.pk):
            pass
    assert len(mailoutbox) == 6 * Subscriber.objects.count()
    html, text = Mailing.objects.values_list("html", "text").first()
    assert site.HTML_SIZE * 0.9 < len(html.encode()) <= site.HTML_SIZE * 1.01
    assert site.TEXT_SIZE * 0.9 < len(text.encode()) <= site.TEXT_SIZE * 1.01
