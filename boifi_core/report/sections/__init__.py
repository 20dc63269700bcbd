"""What each section of a report says: one file each, in plain text and tables; page and Markdown show it."""
