"""The training of the speech reader: teachers, features, students, the report."""
