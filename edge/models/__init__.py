"""The front end, the interpreter, the readers and the rules."""
