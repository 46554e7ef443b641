"""The authors' released checkpoints: their tensors' names, their configs, their adapters, in our terms."""
