"""One filter for list, summary, stream, export and erase."""
