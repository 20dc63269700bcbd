"""Simulated service applications with planted weaknesses, and how many of them a search brings out."""
