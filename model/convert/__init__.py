"""Imports the authors' released checkpoints: translates tensor names, configs and adapters to this project's."""
