"""What a process on duty answers over HTTP, and to whom. The command is `serve.py`.

`app.py` is the application: routes, and what stands before them all (`gate.py`). Answers: `metrics.py`, `probe.py`,
`control.py` (healthy, ready, reload), `api.py` and `events.py` (what the page needs, as JSON and live), `page.py`.
Before it: `place.py` where it listens, `connection.py` how connections are accepted, `web.py` with `web_config.py`,
`tls.py` and `users.py` what Prometheus's web.config.file asks for, `addresses.py` where a probe may go.
"""
