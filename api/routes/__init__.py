"""The facade's routes: sessions, their results, and operating it."""
