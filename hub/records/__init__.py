"""Records: what a person made on purpose. Uploads are read in a process of their own; clips are kept as files."""
