"""The steps of a session as Prefect tasks: names, retries, time-outs, and what Prefect's UI shows of them."""
