"""Read by gunicorn when it is started in this folder. WEB_CONCURRENCY sets the number of processes."""

worker_class = "gthread"
threads = 4  # each keeps a connection to the database
timeout = 60  # seconds, after which a silent process is replaced
graceful_timeout = 30  # seconds
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True  # It would be opened in a home folder that the user may not have.
accesslog = None  # The proxy keeps one; ours would hold tokens of links.
