"""One module for each step, named by its revision. A step that has been released is never changed."""
