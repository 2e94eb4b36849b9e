"""How well bins and embeddings match genomes that are known."""
