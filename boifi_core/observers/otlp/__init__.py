"""Spans as the mesh sends them: OTLP over HTTP, received in bounded memory."""
