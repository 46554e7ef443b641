"""From audio tokens and a question to text: any causal language model of the transformers library."""
