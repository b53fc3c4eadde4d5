"""Strict YAML: `document` reads a file into typed values with every problem, `nodes` are the parts of a parsed file."""

from broker.documents.document import MAX_SIZE, Document, Problem, suggestion
from broker.documents.nodes import MAX_NODES

__all__ = ["MAX_NODES", "MAX_SIZE", "Document", "Problem", "suggestion"]
