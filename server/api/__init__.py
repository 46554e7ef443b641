"""Requests, results and their JSON models, shared by every transport."""
