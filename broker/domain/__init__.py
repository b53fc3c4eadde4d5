"""Facts in, a value out: no input or output, no `await`, no clock. Time is always an argument."""
