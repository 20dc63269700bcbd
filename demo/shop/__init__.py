"""A web shop in one process: every service on a port of its own, all calls between them through the mesh."""
