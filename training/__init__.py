"""Teachers, corpora, students, quantisation, evaluation. Never imported by edge or hub."""
