"""What a person made on purpose: the mark, its moments and, where clips are switched on, its sound."""
