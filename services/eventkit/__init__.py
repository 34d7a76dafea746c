"""The mechanism that every service shares; it names no business event.

A service is a set of plain functions over batches of events, its SQL and its routes, put together
in a :class:`services.eventkit.service.Service`. What surrounds the functions lives here: the
envelope, the consumer runtime, inbox and outbox, background loops, dead letters, HTTP errors,
settings, logs and metrics.
"""
