"""What comes back: bounces and complaints, from whichever side, become one kind of event, and act once.

statuses      what a server's answer means for the reader
taking        the one function that records an event and acts on it
refusals      what servers refused while an issue was being sent
reports       delivery status notifications and complaints that came by mail
mailboxes     where such mails lie: a Maildir, or a folder of an IMAP server
reading       from the mailbox through the reports to the events
webhooks      what a provider calls us for, by Anymail
counting      bounces and complaints of mailings, in numbers
"""
