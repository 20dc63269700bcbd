"""The whole method, in plain Python: it knows neither Prefect nor the command line."""
